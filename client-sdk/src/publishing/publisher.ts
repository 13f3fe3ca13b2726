import {
  type EndOfInput,
  type PublishGrant,
  parseLogEpoch,
  parsePosition,
  type RejectedEvent,
  type TraceContext,
} from '@tidegate/protocol'
import { type AbortSignal, abortable } from '../application/abort-signal.ts'
import type { PublishEvent } from '../application/contract-types.ts'
import { resendDelayMs } from '../backoff.ts'
import type { Link } from '../connection/connection.ts'
import type { ServerClock } from '../connection/server-clock.ts'
import { OUTBOX_ERRORS } from '../errors/error-codes.ts'
import { passingError, TidegateError } from '../errors/errors.ts'
import type { PublishReceipt } from '../errors/publish-receipt.ts'
import { has, isAbsentOr, isDelay, isListOf, isLogEpoch, isNumber, isPosition, isText } from '../frames/checks.ts'
import type { FrameChecks, FrameHandlers, FrameOf, Part } from '../frames/part.ts'
import { isGrant } from '../frames/server-frame.ts'
import { LONGEST_TIMER_MS } from '../longest-timer.ts'
import { randomId } from '../random-id.ts'
import type { AckedPositions } from './acked-positions.ts'
import { endBody } from './end-frame.ts'
import { Outbox, type OutboxLimits } from './outbox.ts'
import type { OutboxStore, RestoredFrame } from './outbox-store.ts'
import { PendingFrame } from './pending-frame.ts'
import { PublishCall } from './publish-call.ts'
import { frameBodies } from './publish-frames.ts'

/**
 * After this many resends without an acknowledgement, an `out_of_order` of the oldest frame means that the gateway
 * waits for a frame this client no longer has. A new connection starts with the oldest frame there is.
 */
const MAX_OUT_OF_ORDER_ROUNDS = 8

/** Parts of a call beside its events. */
export interface PublishParts {
  readonly end?: EndOfInput | undefined
  readonly signal?: AbortSignal | undefined
  readonly trace?: TraceContext | undefined
}

const isLogEpochs = isListOf(isLogEpoch)

export const PUBLISH_CHECKS: FrameChecks = {
  ack: has({
    seq: isNumber,
    at: isListOf(isPosition),
    rejected: isAbsentOr(isListOf(has({ index: isNumber, code: isText, message: isText }))),
  }),
  reject: has({
    seq: isNumber,
    code: isText,
    message: isText,
    retryAfterMs: isAbsentOr(isDelay),
    epochs: isAbsentOr(isLogEpochs),
  }),
  epoch: has({ at: isLogEpochs }),
  slow: has({ retryAfterMs: isDelay, publish: isGrant }),
}

/** Sends publishes, in order and within the grant, until each frame has its final answer. */
export class Publisher implements Part {
  readonly checks = PUBLISH_CHECKS
  readonly frames: FrameHandlers = {
    ack: (frame) => this.#acknowledged(frame),
    reject: (frame) => this.#rejected(frame),
    slow: (frame) => this.#slowed(frame),
    epoch: ({ at }) => this.#epochsChanged(at),
    bus: (frame) => {
      if (frame.class === 'append' && frame.state === 'closed') this.#available()
    },
  }
  readonly #link: Link
  readonly #outbox: Outbox<PendingFrame>
  readonly #idPrefix = randomId()
  #ids = 0
  /** Of the connection, from its greeting on. */
  #grant!: PublishGrant
  #fruitlessRounds = 0
  /** Partition -> epoch of its log, as reported on this connection. */
  readonly #epochs = new Map<number, string>()
  readonly #acked: AckedPositions
  readonly #clock: ServerClock
  readonly #store: OutboxStore | undefined
  /** Frames on their way are answered here, the rest is sent elsewhere. */
  #isLeaving = false
  /** While set, nothing is sent: the server asked to wait. */
  #pause: { readonly timer: ReturnType<typeof setTimeout>; readonly ms: number } | undefined
  #expiryTimer: ReturnType<typeof setTimeout> | undefined
  #isFlushing = false
  #turn = 0
  #onEmpty: (() => void) | undefined

  /** @param store of which this is the only user; it is closed with the publisher */
  constructor(link: Link, limits: OutboxLimits, acked: AckedPositions, clock: ServerClock, store?: OutboxStore) {
    this.#store = store
    this.#link = link
    this.#clock = clock
    this.#acked = acked
    this.#outbox = new Outbox(limits, (frame, next) => frame.absorb(next))
  }

  /**
   * @throws TidegateError `outbox_full`, `outbox_expired`, `event_too_large`, `closed`, or the code of the first event
   *   if none was stored; the reason of the signal: what is sent by then may still be stored
   */
  publish(
    topic: string,
    events: readonly PublishEvent<unknown>[],
    { end, signal, trace }: PublishParts = {},
  ): Promise<PublishReceipt> {
    const bodies = frameBodies(topic, events, () => this.#newId(), trace)
    if (end !== undefined) bodies.push(endBody(topic, end))
    const bytes = bodies.reduce((sum, body) => sum + body.bytes, 0)
    if (!this.#outbox.hasRoom(bodies.length, bytes)) throw passingError(OUTBOX_ERRORS, 'outbox_full')
    const now = performance.now()
    const time = this.#clock.isKnown ? this.#clock.at(now) : undefined
    const frames: PendingFrame[] = []
    const giveUp = (settle: (frame: PendingFrame) => void) => {
      for (const frame of frames) if (this.#outbox.withdraw(frame)) this.#answered(frame, settle)
    }
    const first = this.#store?.keep(bodies, time, (error) => giveUp((frame) => frame.settle(error)))
    const call = new PublishCall(bodies.map((body) => body.events))
    for (const [index, body] of bodies.entries()) {
      const frame = new PendingFrame(call, index, body, now, this.#turn, first && first + index)
      frames.push(frame)
      this.#outbox.push(frame, body.bytes, now, frame.seq)
    }
    this.#flushSoon()
    return abortable(signal, call.promise, () => giveUp(() => {}))
  }

  /** Frames of earlier runs, before any other. */
  restore(kept: readonly RestoredFrame[]): void {
    const now = performance.now()
    for (const { seq, body, ageMs, sentMsAgo, watch } of kept) {
      const call = new PublishCall([body.events])
      const frame = new PendingFrame(call, 0, body, now, this.#turn, seq)
      if (sentMsAgo !== undefined) frame.sentAt = Date.now() - sentMsAgo
      this.#outbox.push(frame, body.bytes, now - ageMs, seq, sentMsAgo === undefined ? undefined : now - sentMsAgo)
      watch(call.promise)
    }
    this.#watchExpiry()
  }

  /** Of the store: more of what it keeps may be sent. */
  written(): void {
    this.#pump()
  }

  online(grant: PublishGrant, sequence: string | undefined): void {
    this.#grant = grant
    this.#store?.greeted(sequence, this.#clock.at(performance.now()) - Date.now())
    this.#pump()
  }

  leaving(): void {
    this.#isLeaving = true
  }

  /** The server changed the grant. */
  #slowed({ publish, retryAfterMs }: FrameOf<'slow'>): void {
    this.#grant = publish
    if (retryAfterMs > 0) this.#pauseFor(resendDelayMs(retryAfterMs, 0, Math.random()), false)
    else this.#pump()
  }

  /** For the next gateway: partition -> epoch under which the newest kept frame was stored. */
  get keptEpochs(): ReadonlyMap<number, string> {
    return this.#outbox.keptEpochs
  }

  /** Redis answers again: there is no reason to wait. */
  #available(): void {
    this.#endPause()
    this.#pump()
  }

  /**
   * Logs continue under these epochs. Frames stored under others may be lost, and are sent again before anything else.
   */
  #epochsChanged(at: readonly string[]): void {
    for (const text of at) {
      const { partition, epoch } = parseLogEpoch(text)!
      this.#epochs.set(partition, epoch)
      this.#outbox.restore(partition, epoch)
    }
    this.#pump()
  }

  offline(): void {
    this.#isLeaving = false
    this.#epochs.clear()
    this.#store?.offline()
    this.#outbox.disconnected()
    this.#fruitlessRounds = 0
    this.#endPause()
  }

  #acknowledged({ seq, at, rejected = [], duplicate = false }: FrameOf<'ack'>): void {
    this.#fruitlessRounds = 0
    const epochs = new Map(at.map((text) => parsePosition(text)!).map(({ partition, epoch }) => [partition, epoch]))
    const kept = this.#outbox.keep(seq, epochs, performance.now())
    if (kept?.resent === false) for (const text of at) this.#acked.note(kept.item.topic, text)
    if (kept !== undefined && rejected.length > 0) kept.item.rejected ??= rejected
    this.#answered(kept?.item, (frame) => frame.settle({ at, rejected, duplicate }))
    // Stored before an epoch that this client learned of meanwhile.
    for (const [partition, epoch] of this.#epochs) {
      if ((epochs.get(partition) ?? epoch) !== epoch) this.#outbox.restore(partition, epoch)
    }
    this.#pump()
  }

  #rejected({ seq, code, message, retryAfterMs, epochs }: FrameOf<'reject'>): void {
    if (retryAfterMs === undefined) {
      this.#answered(this.#outbox.finish(seq), (frame) => frame.refuse(code, message))
      this.#pump()
      return
    }
    const isOldest = seq === this.#outbox.lowestSeq
    if (!this.#outbox.refuse(seq)) return
    if (epochs !== undefined) this.#epochsChanged(epochs)
    if (isOldest && code === 'out_of_order' && this.#fruitlessRounds >= MAX_OUT_OF_ORDER_ROUNDS) {
      this.#link.reconnect()
      return
    }
    this.#pauseFor(resendDelayMs(retryAfterMs, this.#fruitlessRounds, Math.random()), true)
  }

  /** Resolves when nothing waits for an acknowledgement any more. */
  async empty(): Promise<void> {
    if (this.#outbox.size === 0) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Gives up everything. */
  end({ code, message, cause }: TidegateError): void {
    this.#endPause()
    clearTimeout(this.#expiryTimer)
    this.#store?.close()
    for (const frame of this.#outbox.clear()) {
      const fate = frame.sentAt === undefined ? 'was never sent' : 'may still be stored'
      frame.settle(new TidegateError(code, `${message} The publish ${fate}.`, { cause }))
    }
    this.#onEmpty?.()
  }

  #newId(): string {
    return `${this.#idPrefix}-${(this.#ids++).toString(36)}`
  }

  /** Takes the answer for a frame that was due one, and is in the outbox no longer. */
  #answered(frame: PendingFrame | undefined, answer: (frame: PendingFrame) => void): void {
    if (frame === undefined) return
    answer(frame)
    if (frame.seq !== undefined) this.#store?.settled(frame.seq)
    if (this.#outbox.size === 0) this.#onEmpty?.()
  }

  /** Calls of one turn travel together. */
  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    queueMicrotask(() => {
      this.#isFlushing = false
      this.#turn++
      this.#pump()
      if (this.#expiryTimer === undefined) this.#watchExpiry()
    })
  }

  /** Sends what the grant allows. */
  #pump(): void {
    if (!this.#link.isOnline || this.#isLeaving || this.#pause !== undefined) return
    const now = performance.now()
    // What it says now would be wrong for ever: another greeting says what time it is.
    if (this.#clock.isInDoubt && this.#outbox.size > 0) return this.#link.reconnect()
    // Frames that are not written yet are the newest, and wait.
    const frames = Math.min(this.#grant.frames, this.#outbox.size - (this.#store?.unwritten ?? 0))
    for (;;) {
      const due = this.#outbox.next(now, { ...this.#grant, frames })
      if (due === undefined) return
      const { rejected } = due.item
      const json = due.item.json((calledAt) => this.#store?.time(due.seq) ?? this.#clock.at(calledAt))
      const before = rejected === undefined ? '' : `"rejected":${JSON.stringify(rejected.map(indexAndCode))},`
      const age = due.ageMs === undefined ? '' : `,"ageMs":${ageMs(due.ageMs, due.item)}`
      due.item.sentAt ??= Date.now()
      this.#link.sendText(`{"type":"publish","seq":${due.seq},${before}${json}${age}}`)
    }
  }

  /** Of several reasons to wait the longest counts. */
  #pauseFor(ms: number, isRefused: boolean): void {
    if (this.#pause !== undefined && this.#pause.ms >= ms) return
    this.#endPause()
    const timer = setTimeout(() => {
      this.#pause = undefined
      if (isRefused) this.#fruitlessRounds++
      this.#pump()
    }, ms)
    this.#pause = { timer, ms }
  }

  #endPause(): void {
    clearTimeout(this.#pause?.timer)
    this.#pause = undefined
  }

  /** One timer at a time: what is sent by then needs none. */
  #watchExpiry(): void {
    const { expiresAt } = this.#outbox
    if (expiresAt === undefined) return
    this.#expiryTimer = setTimeout(
      () => {
        this.#expiryTimer = undefined
        const error = passingError(OUTBOX_ERRORS, 'outbox_expired')
        for (const old of this.#outbox.expire(performance.now())) this.#answered(old, (frame) => frame.settle(error))
        this.#watchExpiry()
      },
      Math.min(LONGEST_TIMER_MS, Math.max(0, expiresAt - performance.now())),
    )
  }
}

function indexAndCode({ index, code }: RejectedEvent): Pick<RejectedEvent, 'index' | 'code'> {
  return { index, code }
}

/**
 * The larger of two clocks, of which one stands still while a machine sleeps and the other can be set: too large an age
 * is refused, too small a one might be stored twice.
 */
function ageMs(monotonicMs: number, { sentAt = Number.POSITIVE_INFINITY }: PendingFrame): number {
  return Math.max(monotonicMs, Date.now() - sentAt)
}
