import {
  addWithheld,
  type EncodedEvents,
  type Entry,
  moveWithheld,
  noneWithheld,
  type Picks,
  sumWithheld,
  type Withheld,
} from '../wire/index.ts'
import type { FeedLane } from './feed-lane.ts'
import type { Gap } from './gap.ts'
import type { Fate, LaneBooks } from './ledger.ts'
import type { QueueBudget } from './queue-budget.ts'
import {
  copyOut,
  eventsLeft,
  isSparse,
  keyAt,
  markAt,
  openRun,
  type Run,
  type RunQueue,
  thinRun,
  withheldBefore,
} from './run.ts'

/** The lane's list of queues whose events may be sent. */
export interface Turns {
  join(queue: LaneQueue): void
  leave(queue: LaneQueue): void
}

/** Spent items tolerated at the front before the array is cut. */
const SPENT_ITEMS = 64

/**
 * The waiting events of one subscription in one lane, oldest first, with the gaps of events dropped from its front. It
 * may be gated: then only sealed items are taken, and items behind the seal may still be thinned.
 */
export class LaneQueue implements RunQueue {
  readonly #books: LaneBooks
  readonly #budget: QueueBudget
  readonly #turns: Turns
  #items: (Run | Gap)[] = []
  #front = 0
  /** Gaps that must be sent before the front item. */
  #due: Gap[] = []
  /** The due gap of a feed lane that the next drop extends. */
  readonly #growing = new Map<FeedLane, Gap>()
  /** Sealed items lie before this index: they go out as they are. */
  #sealedTo = 0
  #sealedBytes = 0
  isGated = false
  #isPaused = false
  /** Whether it takes turns with the others. */
  #isInTurns = false
  bytes = 0
  events = 0

  constructor(books: LaneBooks, budget: QueueBudget, turns: Turns) {
    this.#books = books
    this.#budget = budget
    this.#turns = turns
  }

  get isEmpty(): boolean {
    return this.#due.length === 0 && this.#front === this.#items.length
  }

  get hasSealed(): boolean {
    return this.#sealedTo > this.#front
  }

  /** A paused one takes no turns: nothing of it is sent, its gaps included. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#takeTurns()
  }

  /** Bytes of the events that may be taken now. */
  get takeableBytes(): number {
    return this.isGated ? this.#sealedBytes : this.bytes
  }

  /** @param encoded the events of the entry, as far as they may be seen */
  pushEntry(lane: FeedLane, entry: Entry, picks: Picks, encoded: EncodedEvents = entry.encoded): void {
    this.#pushRun(openRun(this, lane, entry, picks, encoded))
  }

  /** Adds what is left of a run that waits elsewhere. Nothing of it, or before it, may be withheld. */
  adopt(lane: FeedLane, run: Run): void {
    this.#pushRun({ ...run, queue: this, lane })
  }

  #pushRun(run: Run): void {
    const events = eventsLeft(run)
    this.#push(run)
    this.bytes += run.bytes
    this.events += events
    this.#books.queued(events, run.bytes)
    this.#budget.pin(run.encoded)
    run.lane.waiting++
  }

  /** A gap that was not caused by this queue keeps its place between the runs. */
  pushGap(gap: Gap): void {
    moveWithheld(gap.lane.trailing, gap.withheld)
    this.#push(gap)
    gap.lane.waiting++
  }

  /** The gap that must be sent before anything else of this lane. */
  dueGap(): Gap | undefined {
    const front = this.#items[this.#front]
    if (this.#due.length === 0 && front?.kind === 'gap') this.#makeDue(front)
    return this.#due[0]
  }

  dueGapSent(): void {
    const gap = this.#due.shift()!
    gap.lane.waiting--
    if (this.#growing.get(gap.lane) === gap) this.#growing.delete(gap.lane)
    this.#takeTurns()
  }

  /** Runs from the front up to the next gap, for a frame. Due gaps MUST have been sent before. */
  *takeable(): Iterable<Run> {
    const end = this.isGated ? this.#sealedTo : this.#items.length
    for (let i = this.#front; i < end; i++) {
      const item = this.#items[i]!
      if (item.kind === 'gap') return
      yield item
    }
  }

  delivered(run: Run, to: number, bytes: number): void {
    run.lane.taken = markAt(run, to - 1)
    this.#enter('delivered', to - run.next, bytes)
    if (this.hasSealed) this.#sealedBytes -= bytes
    run.next = to
    run.bytes -= bytes
    if (eventsLeft(run) > 0) return
    run.lane.waiting--
    this.#budget.unpin(run.encoded)
    this.#advance()
    this.#takeTurns()
  }

  /** Drops the oldest run into the gap of its feed lane. False: there is none. */
  dropOldest(): boolean {
    for (let front = this.#items[this.#front]; front !== undefined; front = this.#items[this.#front]) {
      if (front.kind === 'run') {
        this.#withhold(front)
        return true
      }
      this.#makeDue(front)
    }
    return false
  }

  /** Seals everything queued now. */
  seal(): void {
    this.#sealedTo = this.#items.length
    this.#sealedBytes = this.bytes
  }

  /** Keeps the last event of each key among the unsealed. Returns how many it removed. */
  conflate(): number {
    const seen = new Map<FeedLane, Set<string>>()
    return this.#thin('conflated', (run, pick) => {
      let keys = seen.get(run.lane)
      if (keys === undefined) {
        keys = new Set()
        seen.set(run.lane, keys)
      }
      const before = keys.size
      return keys.add(keyAt(run, pick)).size > before
    })
  }

  /** Keeps the unsealed events for which `keep` is true. Returns how many it removed. */
  sample(keep: (run: Run, pick: number) => boolean): number {
    return this.#thin('sampled', keep)
  }

  /** Drops everything: the subscription ends, or excludes the lane from now on. */
  clear(): void {
    for (let i = this.#front; i < this.#items.length; i++) {
      const item = this.#items[i]!
      if (item.kind === 'run') this.#budget.unpin(item.encoded)
    }
    this.#books.forgotten(this.events, this.bytes)
    this.#items = []
    this.#due = []
    this.#growing.clear()
    this.#front = 0
    this.#sealedTo = 0
    this.#sealedBytes = 0
    this.bytes = 0
    this.events = 0
    this.#takeTurns()
  }

  /** Releases entries of which few events still wait. Each run is looked at once, so the cost is that of pushing it. */
  copyOutSparse(): void {
    for (let i = this.#items.length - 1; i >= this.#front; i--) {
      const item = this.#items[i]!
      if (item.kind === 'gap') continue
      if (item.isAged) return
      item.isAged = true
      this.#copyOutIfSparse(item)
    }
  }

  #copyOutIfSparse(run: Run): void {
    if (!isSparse(run)) return
    this.#budget.unpin(run.encoded)
    copyOut(run)
    this.#budget.pin(run.encoded)
  }

  #thin(fate: keyof Withheld, keep: (run: Run, pick: number) => boolean): number {
    const first = Math.max(this.#front, this.#sealedTo)
    const kept: (Run | Gap)[] = []
    /** By feed lane, the item behind the run in question. */
    const later = new Map<FeedLane, Run | Gap>()
    let removed = 0
    for (let i = this.#items.length - 1; i >= first; i--) {
      const item = this.#items[i]!
      if (item.kind === 'run') {
        removed += this.#thinOne(item, fate, keep, withheldWith(later.get(item.lane), item.lane))
        if (eventsLeft(item) === 0) continue
      }
      later.set(item.lane, item)
      kept.push(item)
    }
    if (removed === 0) return 0
    this.#items.length = first
    for (let i = kept.length - 1; i >= 0; i--) this.#items.push(kept[i]!)
    this.#takeTurns()
    return removed
  }

  /** @param later counts the events withheld behind the run's last event */
  #thinOne(run: Run, fate: keyof Withheld, keep: (run: Run, pick: number) => boolean, later: Withheld): number {
    const { bytes, lane } = run
    const { removed, trailing } = thinRun(run, fate, keep)
    if (removed === 0) return 0
    addWithheld(trailing, later)
    this.#enter(fate, removed, bytes - run.bytes)
    if (eventsLeft(run) > 0) this.#copyOutIfSparse(run)
    else {
      lane.waiting--
      this.#budget.unpin(run.encoded)
    }
    return removed
  }

  #withhold(run: Run): void {
    const { lane } = run
    const count = eventsLeft(run)
    const upTo = markAt(run, run.picks.length - 1)
    let gap = this.#growing.get(lane)
    if (gap !== undefined) {
      gap.count = (gap.count ?? 0) + count
      gap.upTo = upTo
      lane.waiting--
    } else {
      gap = { kind: 'gap', lane, after: lane.taken, upTo, count, reason: 'overflow', withheld: noneWithheld() }
      this.#due.push(gap)
      this.#growing.set(lane, gap)
    }
    lane.taken = upTo
    addWithheld(sumWithheld(run, run.picks.length), gap.withheld)
    this.#enter('gapped', count, run.bytes)
    if (this.hasSealed) this.#sealedBytes -= run.bytes
    this.#budget.unpin(run.encoded)
    this.#advance()
  }

  #makeDue(gap: Gap): void {
    gap.after = gap.lane.taken
    this.#due.push(gap)
    this.#growing.delete(gap.lane)
    gap.lane.taken = gap.upTo
    this.#advance()
  }

  #push(item: Run | Gap): void {
    this.#items.push(item)
    this.#takeTurns()
  }

  /** Joins or leaves the turns of its lane. To be called when something was queued, or nothing may wait any more. */
  #takeTurns(): void {
    const isInTurns = !this.isEmpty && !this.#isPaused
    if (isInTurns === this.#isInTurns) return
    this.#isInTurns = isInTurns
    if (isInTurns) this.#turns.join(this)
    else this.#turns.leave(this)
  }

  #enter(fate: Fate, events: number, bytes: number): void {
    this.events -= events
    this.bytes -= bytes
    this.#books.decided(fate, events, bytes)
  }

  #advance(): void {
    this.#front++
    if (this.#front < SPENT_ITEMS || this.#front * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#front)
    this.#sealedTo = Math.max(0, this.#sealedTo - this.#front)
    this.#front = 0
  }
}

/** The count of events withheld before a waiting item, or behind everything. */
function withheldWith(next: Run | Gap | undefined, lane: FeedLane): Withheld {
  if (next === undefined) return lane.trailing
  return next.kind === 'gap' ? next.withheld : withheldBefore(next)
}
