import { DEFAULTS, type ServerFrame } from '@tidegate/protocol'
import { type DeliverySocket, endOf, type Moved } from '../../delivery/index.ts'
import type { TransportStream } from '../transport/transport.ts'
import { ResumeVector } from './resume-id.ts'
import { startAnew } from './start-anew.ts'

/** A comment: it shows the peer, and every proxy in between, that the stream is alive. */
const HEARTBEAT = ':\n\n'
/** How often a stream is checked. Counting checks measures time that no clock set back can stretch. */
export const LOOK_MS = 1_000
/**
 * Checks without a write before a comment is sent: the first may come right after a write, and the next would be late.
 */
const QUIET_LOOKS = DEFAULTS.pingMs / LOOK_MS - 1
/** Checks with waiting bytes and no write before the client counts as gone: two ping intervals. */
const STUCK_LOOKS = (2 * DEFAULTS.pingMs) / LOOK_MS

type State =
  /** Nothing can be written yet: frames wait. They are few, since they count as buffered. */
  | { readonly phase: 'waiting'; readonly chunks: Buffer[] }
  | { readonly phase: 'open'; readonly stream: TransportStream }
  | { readonly phase: 'closed' }

/**
 * A delivery session's socket that writes server-sent events: one per frame, with the frame's type as `event:`, the
 * frame as `data:` and the resume vector behind it as `id:`. Flow control uses the bytes of the response that wait in
 * this process; clients confirm nothing.
 */
export class EventSocket implements DeliverySocket {
  readonly vector = new ResumeVector()
  readonly #onFirst: (answer: ServerFrame) => void
  readonly #onClosed: () => void
  #state: State = { phase: 'waiting', chunks: [] }
  #isFirst = true
  /** Until a snapshot is complete no position is sent: a client that reconnects before then gets it anew. */
  #isInSnapshot = false
  /** Checks since the last write. */
  #quietLooks = 0
  readonly #startsAnew: boolean

  /**
   * @param onFirst gets the answer to the subscription, before it is written
   * @param onClosed called when this end closes
   * @param startsAnew the client had a position that is not known here, and is told so
   */
  constructor(onFirst: (frame: ServerFrame) => void, onClosed: () => void, startsAnew = false) {
    this.#onFirst = onFirst
    this.#startsAnew = startsAnew
    this.#onClosed = onClosed
  }

  /** From now on everything is written to the stream, waiting frames first. */
  attach(stream: TransportStream, retryMs: number): void {
    if (this.#state.phase !== 'waiting') return stream.close()
    const { chunks } = this.#state
    this.#state = { phase: 'open', stream }
    this.#write(Buffer.concat([Buffer.from(`retry: ${retryMs}\n`), ...chunks]))
  }

  send(frame: Buffer, moved: Moved): 'sent' | 'buffered' | 'dropped' {
    if (this.#state.phase === 'closed') return 'dropped'
    if (moved.by !== 'control') {
      this.#follow(moved)
      return this.#write(this.#event('batch', frame))
    }
    const { frame: control } = moved
    const events =
      this.#startsAnew && control.type === 'subscribed'
        ? startAnew(control).map((each) => this.#followed(each))
        : [this.#followed(control, frame)]
    if (this.#isFirst) {
      this.#isFirst = false
      this.#onFirst(control)
    }
    return this.#write(Buffer.concat(events))
  }

  /** Its frames are chunks of a response, each a write. */
  together(sends: () => void): void {
    sends()
  }

  #followed(frame: ServerFrame, json: Buffer = Buffer.from(JSON.stringify(frame))): Buffer {
    this.#follow({ by: 'control', frame })
    return this.#event(frame.type, json)
  }

  /** One event, and the vector behind it. */
  #event(type: ServerFrame['type'], json: Buffer): Buffer {
    const id = this.#isInSnapshot ? undefined : this.vector.toText()
    const head = `event: ${type}\n${id === undefined ? '' : `id: ${id}\n`}data: `
    return Buffer.concat([Buffer.from(head), json, Buffer.from('\n\n')])
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

  /**
   * To be called every `LOOK_MS`: sends a comment if nothing was written for a ping interval. False: the client
   * accepted nothing for two.
   */
  look(): boolean {
    if (this.#state.phase !== 'open') return true
    const { stream } = this.#state
    this.#quietLooks++
    if (stream.bufferedBytes() > 0) return this.#quietLooks < STUCK_LOOKS
    if (this.#quietLooks < QUIET_LOOKS) return true
    this.#quietLooks = 0
    stream.send(HEARTBEAT)
    return true
  }

  /** A stream has no close code, but it has a reconnect time. The client resumes from its last id. */
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
    this.#quietLooks = 0
    const outcome = this.#state.stream.send(chunk)
    // The vector is ahead of the client now: it has to come back with the last id it received.
    if (outcome === 'dropped') this.end(undefined)
    return outcome
  }

  #follow(moved: Moved): void {
    switch (moved.by) {
      case 'control':
        return this.#followControl(moved.frame)
      case 'events':
        for (const { topic, lane, at } of moved.takes.map(endOf)) this.vector.moveTo(topic, lane, at)
        return
      case 'snapshot':
        if (moved.isEnd) this.#isInSnapshot = false
        return
      case 'answer':
        return
    }
  }

  #followControl(frame: ServerFrame): void {
    if (frame.type === 'subscribed') this.#isInSnapshot = frame.snapshot === true
    if (frame.type === 'subscribed' || frame.type === 'progress') this.vector.merge(frame.positions)
    else if (frame.type === 'gap') this.vector.move(frame.topic, frame.lane, frame.upTo)
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
