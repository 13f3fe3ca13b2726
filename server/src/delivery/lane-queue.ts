import type { FeedLane } from './feed.ts'
import type { Gap } from './gap.ts'
import { copyOutIfSparse, eventsLeft, markAt, type Run } from './run.ts'

/** How many spent items at the front are tolerated before the array is cut. */
const SPENT_ITEMS = 64

/** What one session has waiting in one lane, oldest first, with the gaps of what was dropped from its front. */
export class LaneQueue {
  #items: (Run | Gap)[] = []
  #front = 0
  /** Gaps to be told before the front item. */
  readonly #due: Gap[] = []
  /** The due gap of a feed lane that the next drop continues. */
  readonly #growing = new Map<FeedLane, Gap>()
  bytes = 0
  events = 0

  get isEmpty(): boolean {
    return this.#due.length === 0 && this.#front === this.#items.length
  }

  pushRun(run: Run): void {
    this.#items.push(run)
    this.bytes += run.bytes
    this.events += run.picks.length
    run.lane.waiting++
  }

  /** A gap that was not caused by this queue keeps its place between the runs. */
  pushGap(gap: Gap): void {
    this.#items.push(gap)
    gap.lane.waiting++
  }

  /** The gap to tell before anything else of this lane. */
  dueGap(): Gap | undefined {
    const front = this.#items[this.#front]
    if (this.#due.length === 0 && front?.kind === 'gap') this.#makeDue(front)
    return this.#due[0]
  }

  dueGapTold(): void {
    const gap = this.#due.shift()!
    gap.lane.waiting--
    if (this.#growing.get(gap.lane) === gap) this.#growing.delete(gap.lane)
  }

  /** Runs from the front up to the next gap, for a frame. Gaps that are due MUST have been told. */
  *takeable(): Iterable<Run> {
    for (let i = this.#front; i < this.#items.length; i++) {
      const item = this.#items[i]!
      if (item.kind === 'gap') return
      yield item
    }
  }

  /** Events of the front run up to pick `to` (exclusive), `bytes` in all, were handed to the socket. */
  delivered(run: Run, to: number, bytes: number): void {
    const count = to - run.next
    this.#remove(count, bytes)
    run.lane.taken = markAt(run, to - 1)
    run.next = to
    run.bytes -= bytes
    if (eventsLeft(run) === 0) {
      run.lane.waiting--
      this.#advance()
    }
  }

  /** Drops the oldest run into the gap of its feed lane. Returns it, or `undefined` when there is none. */
  dropOldest(): Run | undefined {
    for (let front = this.#items[this.#front]; front !== undefined; front = this.#items[this.#front]) {
      if (front.kind === 'run') {
        this.#withhold(front)
        return front
      }
      this.#makeDue(front)
    }
    return undefined
  }

  /** Forgets everything of the feed lanes. */
  forget(isForgotten: (lane: FeedLane) => boolean): void {
    const kept = this.#items.slice(this.#front).filter((item) => {
      if (!isForgotten(item.lane)) return true
      if (item.kind === 'run') this.#remove(eventsLeft(item), item.bytes)
      return false
    })
    this.#items = kept
    this.#front = 0
    const due = this.#due.filter((gap) => !isForgotten(gap.lane))
    this.#due.splice(0, this.#due.length, ...due)
    for (const lane of this.#growing.keys()) if (isForgotten(lane)) this.#growing.delete(lane)
  }

  /** Releases entries of which little is still waited for. Each run is looked at once, so the cost is that of pushing it. */
  copyOutSparse(): void {
    for (let i = this.#items.length - 1; i >= this.#front; i--) {
      const item = this.#items[i]!
      if (item.kind === 'gap') continue
      if (item.settled) return
      copyOutIfSparse(item)
    }
  }

  #withhold(run: Run): void {
    const { lane } = run
    const count = eventsLeft(run)
    const upTo = markAt(run, run.picks.length - 1)
    const growing = this.#growing.get(lane)
    if (growing !== undefined) {
      growing.count = (growing.count ?? 0) + count
      growing.upTo = upTo
      lane.waiting--
    } else {
      const gap: Gap = { kind: 'gap', lane, after: lane.taken, upTo, count, reason: 'overflow' }
      this.#due.push(gap)
      this.#growing.set(lane, gap)
    }
    lane.taken = upTo
    this.#remove(count, run.bytes)
    this.#advance()
  }

  #makeDue(gap: Gap): void {
    gap.after = gap.lane.taken
    this.#due.push(gap)
    this.#growing.delete(gap.lane)
    gap.lane.taken = gap.upTo
    this.#advance()
  }

  #remove(events: number, bytes: number): void {
    this.events -= events
    this.bytes -= bytes
  }

  #advance(): void {
    this.#front++
    if (this.#front < SPENT_ITEMS || this.#front * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#front)
    this.#front = 0
  }
}
