import {
  type ClientFrame,
  ERROR_CODES,
  type ErrorCode,
  formatLogEpoch,
  LIMITS,
  type LogEpoch,
  type ServerFrame,
} from '@tidegate/protocol'
import type { Clock } from '../clock.ts'
import type { EncodedFrame } from '../delivery/index.ts'
import {
  type AdmitKeys,
  EventTraces,
  type Ingest,
  type PublishControl,
  type PublishOutcome,
  type PublishRequest,
  ScanPace,
} from '../ingest/index.ts'
import type { ClientLimits } from '../limits/index.ts'
import { RETRY_AFTER_MS } from '../retry-after.ts'
import type { Admission } from './admission.ts'
import type { LiveState } from './connection-state.ts'

/** What publishing needs of the gateway. */
export interface PublisherContext {
  readonly clock: Clock
  readonly ingest: Pick<Ingest, 'scan' | 'publish'>
  readonly publishControl: PublishControl
  readonly admission: Admission
  /** A publish frame was answered: `ack`, or the code of its rejection. */
  readonly onFrame: (outcome: string) => void
}

/** A `publish` frame, parsed or scanned. */
export interface PublishedFrame
  extends Pick<Extract<ClientFrame, { type: 'publish' }>, 'seq' | 'topic' | 'end' | 'ageMs' | 'rejected' | 'trace'> {
  readonly events: PublishRequest['events']
  /** Of one that is scanned. */
  readonly traces?: EventTraces | undefined
  readonly content?: string | undefined
}

interface Later {
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined
  readonly message?: string
}

/** The publish frames of one connection: as many as its grant lets be unanswered. */
export class ConnectionPublisher {
  readonly #context: PublisherContext
  readonly #limits: ClientLimits
  readonly #send: (frame: ServerFrame | EncodedFrame) => void
  readonly #answering: (action: () => void) => void
  readonly #scanPace = new ScanPace()
  #unackedFrames = 0
  #unackedBytes = 0

  /** @param answering runs what answers a frame, where a defect ends this connection alone */
  constructor(
    context: PublisherContext,
    limits: ClientLimits,
    send: (frame: ServerFrame | EncodedFrame) => void,
    answering: (action: () => void) => void,
  ) {
    this.#context = context
    this.#limits = limits
    this.#send = send
    this.#answering = answering
  }

  /** Takes a frame whose bytes are a `publish` that need not be parsed. @returns whether it is one */
  scan(content: Buffer, state: Pick<LiveState, 'caller' | 'producer'>): boolean {
    const frame = this.#context.ingest.scan(content, this.#scanPace)
    if (frame !== undefined) this.take(frame, content.length, state)
    return frame !== undefined
  }

  take(
    frame: PublishedFrame,
    bytes: number,
    { caller: { rights }, producer }: Pick<LiveState, 'caller' | 'producer'>,
  ): void {
    const { seq, topic, events, end, ageMs, content, traces = EventTraces.ofFrame(frame.trace) } = frame
    if (events.length === 0 && end === undefined) return this.reject(seq, 'empty_frame')
    if (events.length > LIMITS.frameEvents) return this.reject(seq, 'too_many_events')
    const later = this.#whyLater(Math.max(1, events.length), bytes)
    if (later !== undefined) {
      if (later.retryAfterMs !== undefined) producer?.failed(seq)
      return this.reject(seq, later.code, later.retryAfterMs, later.message)
    }
    this.#unackedFrames++
    this.#unackedBytes += bytes
    const admit: AdmitKeys = (keys) => this.#limits.keys(keys)
    const request: PublishRequest =
      producer === undefined
        ? { topic, events, end, rights, admit, traces }
        : {
            topic,
            events,
            end,
            rights,
            admit,
            traces,
            producer: { state: producer, seq, ageMs },
            content,
            refusedBefore: frame.rejected && new Map(frame.rejected.map(({ index, code }) => [index, code])),
          }
    this.#context.ingest.publish(request, (outcome) =>
      this.#answering(() => {
        this.#unackedFrames--
        this.#unackedBytes -= bytes
        this.#answer(seq, outcome)
      }),
    )
  }

  reject(
    seq: number,
    code: ErrorCode,
    retryAfterMs?: number,
    message: string = ERROR_CODES[code],
    epochs?: readonly LogEpoch[],
  ): void {
    this.#context.onFrame(code)
    this.#send({
      type: 'reject',
      seq,
      code,
      message,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(epochs !== undefined && { epochs: epochs.map(formatLogEpoch) }),
    })
  }

  /** Why a frame is not taken now, and when it may be sent again. */
  #whyLater(events: number, bytes: number): Later | undefined {
    const { admission, publishControl, clock } = this.#context
    const retryAfterMs = admission.publish()
    if (retryAfterMs !== undefined) return { code: 'overloaded', retryAfterMs }
    const over = this.#limits.events(events)
    if (over !== undefined) return over
    const grant = publishControl.enforced(clock.monotonic())
    // A single frame may be larger than a small grant, and the last one within it may reach beyond it.
    const isOver = this.#unackedFrames >= grant.frames || this.#unackedBytes + bytes > grant.bytes + LIMITS.frameBytes
    return isOver ? { code: 'publish_window', retryAfterMs: RETRY_AFTER_MS.grant } : undefined
  }

  #answer(seq: number, outcome: PublishOutcome): void {
    if (outcome.kind === 'reject') {
      const { code, retryAfterMs, message, epochs } = outcome
      return this.reject(seq, code, retryAfterMs, message, epochs)
    }
    const { at, rejected, duplicate } = outcome
    this.#context.onFrame('ack')
    // Most are so plain, and where every event is a frame there are as many of them as of events. No position has to be escaped.
    if (rejected.length === 0 && !duplicate) return this.#send(`{"type":"ack","seq":${seq},"at":[${listOf(at)}]}`)
    this.#send({
      type: 'ack',
      seq,
      at,
      ...(rejected.length > 0 && { rejected }),
      ...(duplicate && { duplicate }),
    })
  }
}

const listOf = (positions: readonly string[]) => (positions.length === 0 ? '' : `"${positions.join('","')}"`)
