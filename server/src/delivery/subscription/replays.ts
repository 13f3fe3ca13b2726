import { compareStreamIds } from '@tidegate/protocol'
import { isTrimmed, wholeEntry } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'
import type { Reader } from '../../limits/index.ts'
import type { Page, PageReader, PageRequest, Replayer, TopicTail } from '../log/index.ts'
import type { Backlog } from '../queue/index.ts'
import { type Entry, LANE_INDEXES } from '../wire/index.ts'
import type { Feed } from './feed.ts'
import { type Replaying, withEpoch } from './feed-state.ts'
import { FilteredEntry } from './filtered-entry.ts'
import { scopeOf } from './subscription-plan.ts'

/** What the replays of a node share. */
export interface ReplayContext {
  readonly replayer: Pick<Replayer, 'request'>
  readonly clock: Clock
  tailOf(topic: string, partition: number): TopicTail | undefined
  /** `undefined` also while it is unknown whether the log still has the tail's entries. */
  sureTailOf(topic: string, partition: number): TopicTail | undefined
}

/** Whose feeds they are. */
export interface ReplayOwner {
  /** Entries were offered to its queues. */
  offered(): void
  /** A page could not be read or taken. */
  replayFailed(error: unknown): void
}

/** Target size of one page: a page whose reader has no room left was read for nothing. */
const PAGE_BYTES = 128 * 1_024
const MAX_PAGE_ENTRIES = 512
/** Entries of the tails' rings that are offered at a time: a subscriber may have many feeds, and there are many subscribers. */
const OFFERED_AT_A_TIME = 256
/** The first entry of a page is mostly the last one of the page before. */
const MIN_PAGE_ENTRIES = 2

/**
 * The feeds of one subscriber that are still reading the log. A page is read only while the subscriber's backlog has
 * room, so a subscriber gets its past at its own pace. Once the tail's ring reaches back to a feed's cursor, the feed
 * goes live in one synchronous turn: nothing can be appended between the ring's entries and the tail's next.
 */
export class Replays implements PageReader {
  readonly #backlog: Backlog
  readonly #context: ReplayContext
  readonly #owner: ReplayOwner
  readonly reader: Reader
  /** The front one is read next. */
  #feeds: Feed[] = []
  #requested = false

  constructor(backlog: Backlog, context: ReplayContext, reader: Reader, owner: ReplayOwner) {
    this.#backlog = backlog
    this.#context = context
    this.reader = reader
    this.#owner = owner
  }

  get feeds(): number {
    return this.#feeds.length
  }

  /** Whether it continues once there is room. */
  get isWaiting(): boolean {
    return !this.#requested && this.#feeds.some((feed) => !feed.subscription.queue.isPaused)
  }

  add(feeds: readonly Feed[]): void {
    this.#feeds.push(...feeds)
    this.pump()
  }

  forget(isForgotten: (feed: Feed) => boolean): void {
    this.#feeds = this.#feeds.filter((feed) => !isForgotten(feed))
  }

  /** Continues if there is room. To be called whenever something left the queue. */
  pump(): void {
    let wentLive = false
    let offered = 0
    while (offered < OFFERED_AT_A_TIME) {
      const feed = this.#next()
      const entries = feed && this.#goLive(feed)
      if (entries === undefined) break
      this.#feeds.splice(this.#feeds.indexOf(feed!), 1)
      wentLive = true
      offered += entries
    }
    // An array shifted empty keeps the capacity that a session without traffic needs.
    if (this.#feeds.length === 0) this.#feeds = []
    // The next flush continues.
    if (wentLive) this.#owner.offered()
    if (offered >= OFFERED_AT_A_TIME || this.#requested || this.#next() === undefined) return
    this.#requested = true
    this.#context.replayer.request(this)
  }

  fail(error: unknown): void {
    this.#owner.replayFailed(error)
  }

  nextPage(): PageRequest | undefined {
    const feed = this.#next()
    if (feed?.state.kind !== 'replaying') {
      this.#requested = false
      return undefined
    }
    const { topic, partition, state } = feed
    const from = state.after
    return {
      topic,
      partition,
      from,
      entries: state.pageEntries,
      onPage: (page) => this.#onPage(feed, from, page),
      onTooLarge: () => askForLess(feed),
    }
  }

  #onPage(feed: Feed, from: string, page: Page): void {
    this.#requested = false
    const place = this.#feeds.indexOf(feed)
    // A feed that went back meanwhile reads another page.
    if (place >= 0 && feed.state.kind === 'replaying' && feed.state.after === from) {
      this.#feeds.push(...this.#feeds.splice(place, 1))
      this.#offerPage(feed, page)
      this.#owner.offered()
    }
    this.pump()
  }

  /** The feed to read next: the front one while there is room, otherwise one that does not wait for room. */
  #next(): Feed | undefined {
    if (this.#feeds.length === 0) return undefined
    const { hasRoomForReplay } = this.#backlog
    return this.#feeds.find((feed) => this.#mayRead(feed, hasRoomForReplay))
  }

  /** The past of a paused subscription waits in the log. */
  #mayRead({ subscription, state }: Feed, hasRoom: boolean): boolean {
    if (subscription.queue.isPaused) return false
    return hasRoom || (state.kind === 'replaying' && state.waitsUntil <= this.#context.clock.monotonic())
  }

  #offerPage(feed: Feed, page: Page): void {
    const { state } = feed
    if (state.kind !== 'replaying') return
    this.#reportTrimmed(feed, state, page.trimmedTo)
    for (const entry of page.entries) {
      if (!this.#mayRead(feed, this.#backlog.hasRoomForReplay)) return
      const order = compareStreamIds(entry.streamId, state.after)
      if (order < 0) continue
      if (order > 0 || state.inclusive) this.#offer(feed, entry)
      state.after = entry.streamId
      state.epoch = entry.epoch
      state.epochs = withEpoch(state.epochs, entry.epoch)
      state.inclusive = false
    }
    if (page.entries.length > 0) state.pageEntries = nextPageEntries(page.entries)
    if (!page.isLast) return
    // Everything the tail had read before this page was in the log then: it is in the page, or gone.
    state.inclusive = false
    const { tailCursor } = page
    if (tailCursor !== undefined && compareStreamIds(tailCursor, state.after) > 0) state.after = tailCursor
  }

  /** Returns how many entries were offered to it, if the feed is live now. */
  #goLive(feed: Feed): number | undefined {
    const { state } = feed
    if (state.kind === 'live') return 0
    const tail = this.#context.sureTailOf(feed.topic, feed.partition)
    const entries = tail?.since(state.after, state.inclusive)
    if (tail === undefined || entries === undefined) return undefined
    for (const entry of entries) {
      this.#offer(feed, entry)
      state.epochs = withEpoch(state.epochs, entry.epoch)
    }
    feed.goLive(tail.cursor)
    return entries.length
  }

  #offer(feed: Feed, entry: Entry): void {
    const { plan } = feed.subscription
    const { lanes, filter } = plan
    const matched = entry.picksOf(scopeOf(plan, feed.topic))
    const filtered = filter && new FilteredEntry(entry)
    for (const lane of LANE_INDEXES) {
      if (!lanes[lane]) continue
      const picks = filtered?.only(matched[lane], filter) ?? matched[lane]
      if (picks.length > 0) feed.offer(lane, entry, picks)
    }
  }

  /** Entries were trimmed before they were read: the subscriber was away too long, or is slower than the log grows. */
  #reportTrimmed(feed: Feed, state: Replaying, trimmedTo: string): void {
    for (const index of feed.laneIndexes()) {
      const start = feed.startOf(index)
      const epoch = feed.epochOf(index)
      const isAtStart = compareStreamIds(start.streamId, state.after) >= 0
      if (isTrimmed(isAtStart ? start : wholeEntry(epoch, state.after), trimmedTo)) {
        feed.reportTrimmed(index, wholeEntry(epoch, trimmedTo))
      }
    }
    if (compareStreamIds(trimmedTo, state.after) < 0) return
    state.after = trimmedTo
    // What a page, or the ring of a tail, still has of them is in the gap.
    state.inclusive = false
  }
}

function askForLess({ state }: Feed): void {
  if (state.kind === 'replaying') state.pageEntries = Math.max(MIN_PAGE_ENTRIES, Math.floor(state.pageEntries / 4))
}

function nextPageEntries(entries: readonly Entry[]): number {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  return Math.max(
    MIN_PAGE_ENTRIES,
    Math.min(MAX_PAGE_ENTRIES, Math.floor((PAGE_BYTES * entries.length) / Math.max(1, bytes))),
  )
}
