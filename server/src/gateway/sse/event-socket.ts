import type { ServerFrame } from '@tidegate/protocol'
import type { DeliverySocket } from '../../delivery/index.ts'
import type { TransportStream } from '../transport/transport.ts'
import { ResumeVector } from './resume-id.ts'

/** A comment: what it does is show the peer, and whatever lies between, that the stream lives. */
export const HEARTBEAT = ':\n\n'

type State =
  /** Nothing can be written yet: what is sent waits, and is little, as it counts as buffered. */
  | { readonly phase: 'waiting'; readonly chunks: Buffer[] }
  | { readonly phase: 'open'; readonly stream: TransportStream }
  | { readonly phase: 'closed' }

/**
 * A delivery session's socket that writes server-sent events: one per frame, with `event:` its type, `data:` the frame and
 * `id:` the resume vector behind it. Bytes of the response that wait in this process are what flow control goes by; nobody
 * confirms them.
 */
export class EventSocket implements DeliverySocket {
  readonly vector = new ResumeVector()
  readonly #onFirst: (frame: ServerFrame) => void
  readonly #onClosed: () => void
  #state: State = { phase: 'waiting', chunks: [] }
  #isFirst = true
  /** Until a snapshot is whole no place is told: a client that comes back before then gets it anew. */
  #isInSnapshot = false
  /** Whether anything was written since `heartbeat` last looked. */
  #wrote = false
  /** Looks in a row that found nothing written, and bytes waiting. */
  #stuckLooks = 0

  /**
   * @param onFirst gets the answer to the subscription, before it is written
   * @param onClosed called when this end closes
   */
  constructor(onFirst: (frame: ServerFrame) => void, onClosed: () => void) {
    this.#onFirst = onFirst
    this.#onClosed = onClosed
  }

  /** From now on everything goes to the stream, beginning with what waits. */
  attach(stream: TransportStream, retryMs: number): void {
    if (this.#state.phase !== 'waiting') return stream.close()
    const { chunks } = this.#state
    this.#state = { phase: 'open', stream }
    this.#write(Buffer.concat([Buffer.from(`retry: ${retryMs}\n`), ...chunks]))
  }

  send(frame: Buffer): 'sent' | 'buffered' | 'dropped' {
    if (this.#state.phase === 'closed') return 'dropped'
    const parsed = JSON.parse(frame.toString('utf8')) as ServerFrame
    this.#follow(parsed)
    const id = this.#isInSnapshot ? undefined : this.vector.toText()
    const head = `event: ${parsed.type}\n${id === undefined ? '' : `id: ${id}\n`}data: `
    const chunk = Buffer.concat([Buffer.from(head), frame, Buffer.from('\n\n')])
    if (this.#isFirst) {
      this.#isFirst = false
      this.#onFirst(parsed)
    }
    return this.#write(chunk)
  }

  bufferedBytes(): number {
    switch (this.#state.phase) {
      case 'waiting':
        return this.#state.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      case 'open':
        return this.#state.stream.bufferedBytes()
      case 'closed':
        return 0
    }
  }

  /** Shows life if nothing else did since the last call. False: the client took nothing since the call before that. */
  heartbeat(): boolean {
    if (this.#state.phase !== 'open') return true
    const { stream } = this.#state
    const isStuck = !this.#wrote && stream.bufferedBytes() > 0
    this.#stuckLooks = isStuck ? this.#stuckLooks + 1 : 0
    if (!this.#wrote && !isStuck) stream.send(HEARTBEAT)
    this.#wrote = false
    return this.#stuckLooks < 2
  }

  /** A close code has no place in a stream; when to come back has. The client resumes from the last id it has. */
  close(_code: number, reason: string): void {
    this.end(retryAfterMs(reason))
  }

  end(retryMs: number | undefined): void {
    if (this.#state.phase === 'closed') return
    const before = this.#state
    this.#state = { phase: 'closed' }
    if (before.phase === 'open') {
      if (retryMs !== undefined) before.stream.send(`retry: ${retryMs}\n\n`)
      before.stream.close()
    }
    this.#onClosed()
  }

  #write(chunk: Buffer): 'sent' | 'buffered' | 'dropped' {
    if (this.#state.phase === 'closed') return 'dropped'
    if (this.#state.phase === 'waiting') {
      this.#state.chunks.push(chunk)
      return 'buffered'
    }
    this.#wrote = true
    const outcome = this.#state.stream.send(chunk)
    // The vector is ahead of the client now: it has to come back with the last id it got.
    if (outcome === 'dropped') this.end(undefined)
    return outcome
  }

  #follow(frame: ServerFrame): void {
    if (frame.type === 'subscribed') this.#isInSnapshot = frame.snapshot === true
    if (frame.type === 'subscribed' || frame.type === 'progress') this.vector.merge(frame.positions)
    else if (frame.type === 'gap') this.vector.move(frame.topic, frame.lane, frame.upTo)
    else if (frame.type === 'batch') {
      for (const { topic, lane, events, snapshot } of frame.parts) {
        if (snapshot === undefined) for (const { at } of events) this.vector.move(topic, lane, at)
        else if (snapshot === 'end') this.#isInSnapshot = false
      }
    }
  }
}

function retryAfterMs(reason: string): number | undefined {
  try {
    const { retryAfterMs: ms } = JSON.parse(reason) as { retryAfterMs?: unknown }
    return typeof ms === 'number' ? ms : undefined
  } catch {
    return undefined
  }
}
