import { comparePositions, formatPosition, type GapFrame, type Lane, type Position } from '@tidegate/protocol'
import { type LoggedEvent, type TopicLog, wholeEntry } from './test-log.ts'

export type FeedGap = Pick<GapFrame, 'after' | 'upTo' | 'count' | 'reason' | 'fetchable'>

/** The events of one topic, partition and lane on their way to one subscription: it reads them from the log. */
export class Feed {
  readonly log: TopicLog
  readonly lane: Lane
  readonly #matches: (logged: LoggedEvent) => boolean
  /** Everything up to here was delivered, reported or does not match. */
  #mark: Position
  /** As the client knows it. */
  #told: Position
  /** Passed over and not reported yet. */
  #withheld: { readonly after: string; readonly count: number } | undefined

  constructor(log: TopicLog, lane: Lane, start: Position, matches: (logged: LoggedEvent) => boolean) {
    this.log = log
    this.lane = lane
    this.#matches = matches
    this.#mark = start
    this.#told = start
  }

  get position(): string {
    return formatPosition(this.#mark)
  }

  /** What is to be reported before the next event: events that were withheld, or are gone. */
  dueGap(): FeedGap | undefined {
    const { log } = this
    if (this.#withheld !== undefined) {
      const gap = { ...this.#withheld, upTo: this.position, reason: 'overflow', fetchable: true } as const
      this.#withheld = undefined
      this.#told = this.#mark
      return gap
    }
    const isEarlier = (streamId: string) => comparePositions(this.#mark, wholeEntry(0, '', streamId)) < 0
    if (isEarlier(log.trimmedTo)) return this.#lost('trimmed', log.trimmedTo)
    // Events of the epoch before that were not lost come first.
    if (this.#mark.epoch === log.epoch || this.waiting().length > 0) return undefined
    return this.#lost('epoch', log.seam)
  }

  /** Whether everything is there from the mark on. */
  get isWhole(): boolean {
    return (
      this.#mark.epoch === this.log.epoch && comparePositions(this.#mark, wholeEntry(0, '', this.log.trimmedTo)) >= 0
    )
  }

  /** Events that match and wait, oldest first, up to the next gap. What does not match is passed over for good. */
  waiting(): LoggedEvent[] {
    const { events } = this.log
    const waiting: LoggedEvent[] = []
    let passed: LoggedEvent | undefined
    for (let index = this.log.indexAfter(this.#mark); index < events.length; index++) {
      const logged = events[index]!
      if (logged.position.epoch !== this.#mark.epoch) break
      if (this.#matches(logged)) waiting.push(logged)
      else if (waiting.length === 0) passed = logged
    }
    // Otherwise a feed that nothing matches would look through the whole log each time.
    if (passed !== undefined && this.#withheld === undefined) this.#mark = passed.position
    return waiting
  }

  delivered({ position }: LoggedEvent): void {
    this.#mark = position
    this.#told = position
  }

  /** Passes over events: a gap is due, by which they can be fetched. */
  withhold(events: readonly LoggedEvent[]): void {
    const { after, count } = this.#withheld ?? { after: this.position, count: 0 }
    this.#withheld = { after, count: count + events.length }
    this.#mark = events.at(-1)!.position
  }

  /** Moves on where nothing has matched for a while. @returns whether the client is to be told */
  progresses(): boolean {
    if (this.#withheld !== undefined || this.waiting().length > 0 || !this.isWhole) return false
    this.#mark = this.log.end
    if (comparePositions(this.#mark, this.#told) === 0) return false
    this.#told = this.#mark
    return true
  }

  #lost(reason: 'trimmed' | 'epoch', streamId: string): FeedGap {
    const after = this.position
    this.#mark = wholeEntry(this.log.partition, this.log.epoch, streamId)
    this.#told = this.#mark
    return { after, upTo: this.position, count: null, reason, fetchable: false }
  }
}
