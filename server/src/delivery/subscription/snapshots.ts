import type { CurrentPage } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'
import type { Filter, FilterableEvent } from '../../filter/index.ts'
import type { SnapshotReader } from '../log/index.ts'
import { type LaneIndex, type SnapshotFrame, snapshotFrames } from '../wire/index.ts'
import type { Feed } from './feed.ts'
import { SnapshotSeam } from './snapshot-seam.ts'
import type { Subscription } from './subscription.ts'

/** What the snapshots of a node share. */
export interface SnapshotContext {
  readonly snapshots: Pick<SnapshotReader, 'read'>
  readonly clock: Clock
  /** The one lane of the results of a window. */
  resultLaneOf(topic: string): LaneIndex
}

/** The way to the subscriber. */
export interface SnapshotOutlet {
  readonly isOpen: boolean
  readonly maxFrameBytes: number
  /** False: there was no way for it now. */
  writeSnapshot(frame: SnapshotFrame, now: number): boolean
}

/** A snapshot that is being told: its feeds one after the other. */
interface Telling {
  readonly subscription: Subscription
  readonly feeds: readonly Feed[]
  readonly keys: ReadonlySet<string> | undefined
  at: number
  cursor: string
  seam: SnapshotSeam
}

/**
 * The snapshots that the subscriptions of one subscriber begin with, told one after the other. A page is read only when all
 * before it is written, and written only while flow control lets events go: a subscriber gets its snapshot at its own pace,
 * and what happens meanwhile waits in the log.
 */
export class Snapshots {
  readonly #context: SnapshotContext
  readonly #outlet: SnapshotOutlet
  readonly #onTold: (subscription: Subscription) => void
  readonly #fail: (error: unknown) => void
  /** The front one is told now. */
  #tellings: Telling[] = []
  #frames: SnapshotFrame[] = []
  /** The one whose page is being read. */
  #reading: Telling | undefined

  /** @param onTold called when the last frame of a snapshot is written */
  constructor(
    context: SnapshotContext,
    outlet: SnapshotOutlet,
    onTold: (subscription: Subscription) => void,
    fail: (error: unknown) => void,
  ) {
    this.#context = context
    this.#outlet = outlet
    this.#onTold = onTold
    this.#fail = fail
  }

  /** Whether it goes on once there is room. */
  get isWaiting(): boolean {
    return this.#tellings.length > 0 && this.#reading !== this.#tellings[0]
  }

  /** To be called before anything of the subscription's feeds is offered. */
  add(subscription: Subscription): void {
    const feeds = [...subscription.feeds()]
    const { keys } = subscription.plan
    this.#tellings.push({ subscription, feeds, keys, at: 0, cursor: '0', seam: seamOf(feeds[0]!) })
    this.pump()
  }

  forget(subscription: Subscription): void {
    if (this.#tellings[0]?.subscription === subscription) this.#frames = []
    this.#tellings = this.#tellings.filter((telling) => telling.subscription !== subscription)
  }

  /** Goes on as far as there is room. To be called whenever there may be. */
  pump(): void {
    while (this.#frames.length > 0 && this.#outlet.isOpen) {
      if (!this.#outlet.writeSnapshot(this.#frames[0]!, this.#context.clock.monotonic())) return
      this.#frames.shift()
    }
    const telling = this.#tellings[0]
    if (telling === undefined || this.#frames.length > 0 || this.#reading === telling || !this.#outlet.isOpen) return
    const feed = telling.feeds[telling.at]
    if (feed === undefined) {
      this.#tellings.shift()
      this.#onTold(telling.subscription)
      return this.pump()
    }
    this.#reading = telling
    const { topic, partition } = feed
    const { keys, cursor } = telling
    const onPage = (page: CurrentPage) => {
      if (this.#reading === telling) this.#reading = undefined
      if (this.#tellings[0] === telling) this.#tell(telling, feed, page)
      this.pump()
    }
    this.#context.snapshots.read({ topic, partition, keys, cursor }, onPage, this.#fail)
  }

  #tell(telling: Telling, feed: Feed, { results, next }: CurrentPage): void {
    const { topic, partition } = feed
    const lane = this.#context.resultLaneOf(topic)
    const isLastPage = next === '0'
    const { sub, filter, lanes } = telling.subscription.plan
    const { epoch } = feed.startOf(lane)
    // What is not told must not keep back the events before it.
    const told = results.filter(({ json }) => lanes[lane] && (filter === undefined || matches(filter, json)))
    for (const result of told) telling.seam.note(result.key, result)
    this.#frames = snapshotFrames({ sub, topic, partition, epoch, lane }, told, {
      isLast: isLastPage && telling.at === telling.feeds.length - 1,
      maxBytes: this.#outlet.maxFrameBytes,
    })
    telling.cursor = next
    if (!isLastPage) return
    if (!telling.seam.isEmpty) feed.beginBehind(telling.seam)
    telling.at++
    const following = telling.feeds[telling.at]
    if (following !== undefined) telling.seam = seamOf(following)
  }
}

function matches(filter: Filter, json: string): boolean {
  return filter.matches({ source: undefined, ...(JSON.parse(json) as Omit<FilterableEvent, 'source'>) })
}

/** Snapshots start at one place for all lanes. */
function seamOf(feed: Feed): SnapshotSeam {
  const { epoch, streamId } = feed.startOf(0)
  return new SnapshotSeam(epoch, streamId)
}
