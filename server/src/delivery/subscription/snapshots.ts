import { allowsKey, shownJson } from '../../access/index.ts'
import type { CurrentPage } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'
import type { Filter, FilterableEvent } from '../../filter/index.ts'
import type { Reader } from '../../limits/index.ts'
import type { SnapshotReader } from '../log/index.ts'
import { type LaneIndex, type SnapshotFrame, snapshotFrames } from '../wire/index.ts'
import type { Feed } from './feed.ts'
import { SnapshotSeam } from './snapshot-seam.ts'
import type { Subscription } from './subscription.ts'
import { scopeOf } from './subscription-plan.ts'

/** What the snapshots of a node share. */
export interface SnapshotContext {
  readonly snapshots: Pick<SnapshotReader, 'read'>
  readonly clock: Clock
  /** The one lane of the results of a window. */
  resultLaneOf(topic: string): LaneIndex
}

/** Writes to the subscriber. */
export interface SnapshotOutlet {
  readonly isOpen: boolean
  readonly maxFrameBytes: number
  /** False: there was no room. */
  writeSnapshot(frame: SnapshotFrame, now: number): boolean
}

/** A snapshot under way: its feeds are sent one after the other. */
interface Sending {
  readonly subscription: Subscription
  readonly feeds: readonly Feed[]
  at: number
  cursor: string
  seam: SnapshotSeam
}

/**
 * The snapshots at the start of one subscriber's subscriptions, sent one after the other. A page is read only when all
 * before it is written, and written only while flow control allows: a subscriber gets its snapshot at its own pace, and
 * events wait in the log meanwhile.
 */
export class Snapshots {
  readonly #context: SnapshotContext
  readonly #outlet: SnapshotOutlet
  readonly #reader: Reader
  readonly #onSent: (subscription: Subscription) => void
  readonly #fail: (error: unknown) => void
  /** The front one is under way. */
  #sendings: Sending[] = []
  #frames: SnapshotFrame[] = []
  /** The one whose page is being read. */
  #reading: Sending | undefined

  /** @param onSent called when the last frame of a snapshot is written */
  constructor(
    context: SnapshotContext,
    outlet: SnapshotOutlet,
    reader: Reader,
    onSent: (subscription: Subscription) => void,
    fail: (error: unknown) => void,
  ) {
    this.#context = context
    this.#outlet = outlet
    this.#reader = reader
    this.#onSent = onSent
    this.#fail = fail
  }

  /** Whether it continues once there is room. */
  get isWaiting(): boolean {
    return this.#sendings.length > 0 && this.#reading !== this.#sendings[0]
  }

  /** To be called before anything of the subscription's feeds is offered. */
  add(subscription: Subscription): void {
    const feeds = [...subscription.feeds()]
    this.#sendings.push({ subscription, feeds, at: 0, cursor: '0', seam: seamOf(feeds[0]!) })
    this.pump()
  }

  forget(subscription: Subscription): void {
    if (this.#sendings[0]?.subscription === subscription) this.#frames = []
    this.#sendings = this.#sendings.filter((sending) => sending.subscription !== subscription)
  }

  /** Continues as far as there is room. To be called whenever there may be room. */
  pump(): void {
    while (this.#frames.length > 0 && this.#outlet.isOpen) {
      if (!this.#outlet.writeSnapshot(this.#frames[0]!, this.#context.clock.monotonic())) return
      this.#frames.shift()
    }
    const sending = this.#sendings[0]
    if (sending === undefined || this.#frames.length > 0 || this.#reading === sending || !this.#outlet.isOpen) return
    const feed = sending.feeds[sending.at]
    if (feed === undefined) {
      this.#sendings.shift()
      this.#onSent(sending.subscription)
      return this.pump()
    }
    this.#reading = sending
    const { topic, partition } = feed
    const scope = scopeOf(sending.subscription.plan, topic)
    const keys = scope.kind === 'listed' ? scope.keys : undefined
    const { cursor } = sending
    const onPage = (page: CurrentPage) => {
      if (this.#reading === sending) this.#reading = undefined
      if (this.#sendings[0] === sending) this.#frame(sending, feed, page)
      this.pump()
    }
    this.#context.snapshots.read({ reader: this.#reader, topic, partition, keys, cursor }, onPage, this.#fail)
  }

  #frame(sending: Sending, feed: Feed, { results, next }: CurrentPage): void {
    const { topic, partition } = feed
    const lane = this.#context.resultLaneOf(topic)
    const isLastPage = next === '0'
    const { plan } = sending.subscription
    const { sub, filter, lanes } = plan
    const scope = scopeOf(plan, topic)
    const { epoch } = feed.startOf(lane)
    // Events that are not sent must not hold back the events before them.
    const sent = results.filter(
      ({ key, json }) => lanes[lane] && allowsKey(scope, key) && (filter === undefined || matches(filter, json)),
    )
    for (const result of sent) sending.seam.note(result.key, result)
    const sight = plan.sights?.get(topic)
    const shown = sight ? sent.map((each) => ({ ...each, json: shownJson(each.json, sight.of(each.key)) })) : sent
    this.#frames = snapshotFrames({ sub, topic, partition, epoch, lane }, shown, {
      isLast: isLastPage && sending.at === sending.feeds.length - 1,
      maxBytes: this.#outlet.maxFrameBytes,
    })
    sending.cursor = next
    if (!isLastPage) return
    if (!sending.seam.isEmpty) feed.beginBehind(sending.seam)
    sending.at++
    const following = sending.feeds[sending.at]
    if (following !== undefined) sending.seam = seamOf(following)
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
