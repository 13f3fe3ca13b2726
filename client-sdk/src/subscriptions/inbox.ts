import { isPromise } from '../application/call-back.ts'
import type { TopicEvent } from '../application/contract-types.ts'
import type { FrameReceipt } from '../frames/credit.ts'

export type AnyEvent = TopicEvent<string, unknown>

interface WaitingEvent {
  readonly kind: 'event'
  readonly event: AnyEvent
  readonly bytes: number
  /** Until its bytes count as consumed. */
  receipt: FrameReceipt | undefined
}

/** Something that happens between events. */
interface Step {
  readonly kind: 'step'
  run(): unknown
}

export interface InboxOptions {
  /** Gives an event to the application; absent: events wait until they are taken. */
  readonly hand?: ((event: AnyEvent) => unknown) | undefined
  /** Promises are not awaited. */
  readonly isConcurrent: boolean
  /** A promise was rejected. */
  rejected(cause: unknown): void
  /** Less is unread than before. */
  eased(): void
}

/**
 * Events of one subscription on their way to the application, handed over one after the other: while the promise that one
 * led to is pending, the next ones wait. An event counts as consumed once it was taken, or its promise has settled.
 */
export class Inbox {
  readonly #options: InboxOptions
  #waiting: (WaitingEvent | Step)[] = []
  /** That whose promise is pending. */
  #inHand: WaitingEvent | Step | undefined
  readonly #sleepers = new Set<() => void>()
  #unreadBytes = 0
  #releasedBytes = 0

  constructor(options: InboxOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Of events that wait or are in hand. */
  get unreadBytes(): number {
    return this.#unreadBytes
  }

  /** Whether most of what was unread at the last `release` is read. */
  get isCaughtUp(): boolean {
    return this.#unreadBytes * 2 <= this.#releasedBytes
  }

  /** @param isHeld whether its bytes hold back the server until it is consumed */
  put(event: AnyEvent, receipt: FrameReceipt, isHeld: boolean): void {
    const { hand } = this.#options
    if (hand !== undefined && isHeld && this.#inHand === undefined && this.#waiting.length === 0) {
      return this.#handNow(hand, event, receipt)
    }
    const item: WaitingEvent = { kind: 'event', event, bytes: receipt.eventBytes, receipt }
    this.#unreadBytes += item.bytes
    if (!isHeld) settle(item)
    this.#push(item)
  }

  /** Runs it once everything before it was handed over. Its promise is awaited like that of an event. */
  inTurn(run: () => unknown): void {
    if (this.#options.hand === undefined && this.#waiting.length === 0) run()
    else this.#push({ kind: 'step', run })
  }

  /** The next event that waits. */
  take(): AnyEvent | undefined {
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
      if (item.kind === 'event') {
        this.#consumed(item)
        return item.event
      }
      item.run()
    }
    return undefined
  }

  /** Resolves when there may be more to take. */
  woken(): Promise<void> {
    return new Promise((resolve) => this.#sleepers.add(resolve))
  }

  wake(): void {
    for (const wake of this.#sleepers) wake()
    this.#sleepers.clear()
  }

  /** What is unread holds back the server no longer. */
  release(): void {
    for (const item of [...this.#waiting, this.#inHand]) if (item?.kind === 'event') settle(item)
    this.#releasedBytes = this.#unreadBytes
  }

  /** What waits is not wanted any more. */
  clear(): void {
    this.release()
    this.#waiting = []
  }

  #push(item: WaitingEvent | Step): void {
    this.#waiting.push(item)
    if (this.#options.hand === undefined) this.wake()
    else this.#drain()
  }

  /** Nothing waits before it. Mostly nothing waits for it either, and then it is taken when the callback returns. */
  #handNow(hand: (event: AnyEvent) => unknown, event: AnyEvent, receipt: FrameReceipt): void {
    const result = hand(event)
    if (!isPromise(result)) return receipt.done()
    const bytes = receipt.eventBytes
    this.#unreadBytes += bytes
    this.#await({ kind: 'event', event, bytes, receipt }, result)
  }

  #drain(): void {
    const { hand } = this.#options
    while (this.#inHand === undefined) {
      const item = this.#waiting.shift()
      if (item === undefined) return
      const result = item.kind === 'step' ? item.run() : hand!(item.event)
      if (isPromise(result)) this.#await(item, result)
      else this.#consumed(item)
    }
  }

  /** Until the promise that it led to has settled, unless promises are not awaited. */
  #await(item: WaitingEvent | Step, result: PromiseLike<unknown>): void {
    const { isConcurrent, rejected } = this.#options
    const settled = result.then(undefined, rejected)
    if (isConcurrent) return this.#consumed(item)
    this.#inHand = item
    settled.then(() => {
      this.#inHand = undefined
      this.#consumed(item)
      this.#drain()
    })
  }

  #consumed(item: WaitingEvent | Step): void {
    if (item.kind === 'step') return
    this.#unreadBytes -= item.bytes
    settle(item)
    this.#options.eased()
  }
}

function settle(item: WaitingEvent): void {
  item.receipt?.done()
  item.receipt = undefined
}
