import type {
  BatchPart,
  GapFrame,
  SubscribeOptions as WireOptions,
  PositionVector as WireVector,
  WithheldCounts,
} from '@tidegate/protocol'
import type { Link } from '../connection/connection.ts'
import type { TidegateError } from '../errors/errors.ts'
import type { FrameReceipt } from '../frames/credit.ts'
import type { FixedOptions } from './fixed-options.ts'
import type { Gap } from './gap.ts'
import type { AnyEvent } from './inbox.ts'
import { PositionVector } from './position-vector.ts'
import { sharingOf } from './subscribe-options.ts'
import type { GrantedPolicy } from './subscription.ts'
import { noTally } from './tally.ts'

/** What a subscription on the wire is made of that may do more than receive. */
export interface WireKind {
  /** @param ask requests other options */
  optionsOf(options: WireOptions, ask: (options: WireOptions) => void): FixedOptions
  /** A gap as the application sees it, delivered to a subscription with these options. */
  gapOf(frame: GapFrame, options: WireOptions): Gap<AnyEvent>
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

/** One of those that a subscription on the wire is read by. */
export interface WireReader {
  readonly wire: WireSubscription
  conflated: number
  sampled: number
  repeats: number
  /** Bytes of events that the application does not have yet. */
  readonly unreadBytes: number
  /** Whether most of what was unread at the last `release` is read. */
  readonly isCaughtUp: boolean
  /** Its unread events no longer hold back others. */
  release(): void
  /** From here on it reads this one, where it was before. */
  readFrom(wire: WireSubscription): void
  /** The server delivers, or is going to send a snapshot first. */
  granted(snapshot: boolean, isSynced: boolean): void
  /** Nothing more will come up to these positions. */
  resolved(positions: WireVector): void
  /** Takes an event. The receipt is completed when the application has it. */
  take(event: AnyEvent, receipt: FrameReceipt): void
  withheld(gap: Gap<AnyEvent>): void
  /** The snapshot is complete. */
  synchronised(): void
  close(): void
  /** The server ended it, or the connection for good. */
  end(reason: TidegateError): void
}

/** A subscription as the server knows it, over all connections, read by one of the application's or by several. */
export class WireSubscription {
  readonly sub: number
  readonly selector: string
  readonly options: FixedOptions
  readonly #link: Pick<Link, 'send'>
  readonly #kind: WireKind
  #sharing: string | undefined
  /** Never changed in place: readers come and go while an event is handed on. */
  readers: readonly WireReader[] = []
  /** Received positions: events below are repeats, and a new connection resumes here. */
  readonly received = new PositionVector()
  policy: GrantedPolicy | undefined
  tally = noTally()
  /** Temporary refusals in a row. */
  refusals = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #isPaused = false
  #isGranted = false
  #isInSnapshot = false
  /** Ended by the server since it was granted last: what it covers may have changed. */
  #wasEnded = false

  constructor(sub: number, selector: string, options: WireOptions, link: Pick<Link, 'send'>, kind: WireKind) {
    this.sub = sub
    this.selector = selector
    this.#link = link
    this.#kind = kind
    this.options = kind.optionsOf(options, ({ from: _, ...changed }) => {
      link.send({ type: 'subscribe', sub, topic: selector, ...changed })
    })
    this.#sharing = sharingOf(selector, options)
    // Without any there it is for the server to refuse.
    this.received.merge((options.from as { readonly positions?: WireVector } | undefined)?.positions ?? {})
  }

  /** One more that is where this one is, with nobody reading it yet. */
  copy(sub: number): WireSubscription {
    const copy = new WireSubscription(sub, this.selector, this.options.options, this.#link, this.#kind)
    copy.received.merge(this.received.toWire())
    copy.policy = this.policy
    copy.#isGranted = this.#isGranted
    copy.#isInSnapshot = this.#isInSnapshot
    copy.#wasEnded = this.#wasEnded
    return copy
  }

  /** For messages. */
  get name(): string {
    return `the subscription to ${this.selector}`
  }

  get isGranted(): boolean {
    return this.#isGranted
  }

  /** See `sharingOf`. */
  get sharing(): string | undefined {
    return this.#isPaused ? undefined : this.#sharing
  }

  /** Granted as it is, with nothing to come but events. */
  get isSteady(): boolean {
    return this.#isGranted && !this.#isInSnapshot && !this.#wasEnded && this.options.isIdle
  }

  /** Whether another reader has what it would have had by itself: its snapshot, or everything from now on. */
  get isOpenToOthers(): boolean {
    if (this.#isGranted) return this.isSteady && !this.options.options.snapshot
    return !this.options.hasChanges
  }

  /** Reads along from here on. */
  join(reader: WireReader): void {
    this.adopt(reader)
    reader.resolved(this.received.toWire())
    if (this.isSteady) reader.granted(false, true)
  }

  /** Takes over a reader that has everything up to here. */
  adopt(reader: WireReader): void {
    this.readers = [...this.readers, reader]
    reader.readFrom(this)
  }

  leave(reader: WireReader): void {
    this.readers = this.readers.filter((other) => other !== reader)
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** The server sends no events for now, or sends them again. What is unread then holds back no others. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#sendPause()
    if (isPaused) for (const reader of this.readers) reader.release()
  }

  /** Requests it: from its present position, or from where the application said. */
  request(): void {
    const { from: asked, ...options } = this.options.options
    const absent = this.#wasEnded && ({ absent: 'now' } as const)
    const start = this.#isInSnapshot ? undefined : { positions: this.received.toWire(), ...absent }
    const from = this.#isGranted ? start : asked
    this.options.asked()
    this.#link.send({ type: 'subscribe', sub: this.sub, topic: this.selector, ...options, ...(from && { from }) })
    if (this.#isPaused) this.#sendPause()
  }

  /** Requests it, or its change, a little later. */
  later(delayMs: number, ask: () => void): void {
    this.cancelLater()
    this.#retryTimer = setTimeout(ask, delayMs)
  }

  cancelLater(): void {
    clearTimeout(this.#retryTimer)
  }

  #sendPause(): void {
    this.#link.send({ type: 'credit', bytes: 0, subs: { [this.sub]: this.#isPaused ? 0 : null } })
  }

  /** The server begins to deliver: from these positions on, or first a snapshot. */
  granted(positions: WireVector, policy: GrantedPolicy, snapshot: boolean): void {
    if (!this.options.isAsking) this.tally = noTally()
    this.#wasEnded = false
    this.#isGranted = true
    this.#isInSnapshot ||= snapshot
    this.policy = policy
    this.resolved(positions)
    for (const reader of this.readers) reader.granted(snapshot, !this.#isInSnapshot)
    this.options.granted()
    if (this.#sharing !== undefined) this.#sharing = sharingOf(this.selector, this.options.options)
  }

  /** Nothing more will come up to these positions. */
  resolved(positions: WireVector): void {
    this.received.merge(positions)
    for (const reader of this.readers) reader.resolved(positions)
  }

  /** Events were withheld in favour of others. */
  counted({ conflated = 0, sampled = 0 }: WithheldCounts): void {
    for (const each of [this.tally, ...this.readers]) {
      each.conflated += conflated
      each.sampled += sampled
    }
  }

  withheld(frame: GapFrame): void {
    this.counted(frame)
    if (frame.reason === 'overflow') this.tally.gapped += frame.count ?? 0
    this.resolved({ [frame.topic]: { [frame.lane]: [frame.upTo] } })
    const { options } = this.options
    const gap = this.#kind.gapOf(frame, options)
    for (const reader of this.readers) reader.withheld(gap)
    if (!gap.fetchable && options.snapshot) this.#renewSnapshot()
  }

  /** Takes the events of a part; the receipt is completed for each when every reader has it. */
  took(part: BatchPart, receipt: FrameReceipt): void {
    const { topic, lane, snapshot } = part
    if (part.conflated !== undefined || part.sampled !== undefined) this.counted(part)
    for (const event of part.events) {
      const { readers } = this
      if (snapshot === undefined) {
        this.tally.delivered++
        if (!this.received.admit(topic, lane, event.at)) {
          for (const reader of readers) reader.repeats++
          receipt.done()
          continue
        }
      }
      // Nobody else has the parsed frame: what it lacks is added to it, and nothing is copied.
      const one = event as Writable<AnyEvent>
      one.topic = topic
      one.lane = lane
      if (snapshot !== undefined) one.snapshot = true
      const each = receipt.sharedBy(readers.length)
      for (const reader of readers) reader.take(one, each)
    }
    if (snapshot !== 'end') return
    this.#isInSnapshot = false
    for (const reader of this.readers) reader.synchronised()
  }

  /** The content of the gap is unknown: a new snapshot is requested. */
  #renewSnapshot(): void {
    if (this.#isInSnapshot || this.readers.length === 0) return
    this.#isInSnapshot = true
    this.#link.send({ type: 'unsubscribe', sub: this.sub })
    this.request()
  }

  /**
   * The server ended it, and it will be requested again. Other keys may have come into view, so a snapshot is due again.
   * @returns whether the answer to a change is still to come
   */
  interrupted(): boolean {
    this.#wasEnded = this.#isGranted
    if (this.#isGranted && this.options.options.snapshot) this.#isInSnapshot = true
    return this.options.isAsking
  }

  /** The server ended it, or the connection for good. */
  end(reason: TidegateError): void {
    this.options.end(reason)
    for (const reader of this.readers) reader.end(reason)
  }
}
