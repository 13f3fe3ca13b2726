import { allowsKey, shownJson } from '../../access/index.ts'
import { type CurrentPage, SCAN_START } from '../../bus/index.ts'
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

/** A snapshot: its feeds are sent one after the other. */
interface Sending {
  readonly subscription: Subscription
  readonly feeds: readonly Feed[]
  at: number
  cursor: string
  seam: SnapshotSeam
  /** Of the last page that was read, those not yet written. */
  frames: SnapshotFrame[]
  isReading: boolean
}

/**
 * The snapshots at the start of one subscriber's subscriptions, sent one after the other. A page is read only when all
 * before it is written, and written only while flow control allows: a subscriber gets its snapshot at its own pace, and
 * events wait in the log meanwhile. That of a paused subscription lets the others pass.
 */
export class Snapshots {
  readonly #context: SnapshotContext
  readonly #outlet: SnapshotOutlet
  readonly #reader: Reader
  readonly #onSent: (subscription: Subscription) => void
  readonly #fail: (error: unknown) => void
  #sendings: Sending[] = []

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
    return this.#next?.isReading === false
  }

  /** To be called before anything of the subscription's feeds is offered. */
  add(subscription: Subscription): void {
    const feeds = [...subscription.feeds()]
    const seam = seamOf(feeds[0]!)
    this.#sendings.push({ subscription, feeds, at: 0, cursor: SCAN_START, seam, frames: [], isReading: false })
    this.pump()
  }

  forget(subscription: Subscription): void {
    this.#sendings = this.#sendings.filter((sending) => sending.subscription !== subscription)
  }

  /** Continues as far as there is room. To be called whenever there may be room. */
  pump(): void {
    const sending = this.#next
    if (sending === undefined) return
    const { frames } = sending
    while (frames.length > 0 && this.#outlet.isOpen) {
      if (!this.#outlet.writeSnapshot(frames[0]!, this.#context.clock.monotonic())) return
      frames.shift()
    }
    if (frames.length > 0 || sending.isReading || !this.#outlet.isOpen) return
    const feed = sending.feeds[sending.at]
    if (feed === undefined) {
      this.forget(sending.subscription)
      this.#onSent(sending.subscription)
      return this.pump()
    }
    sending.isReading = true
    const { topic, partition } = feed
    const scope = scopeOf(sending.subscription.plan, topic)
    const keys = scope.kind === 'listed' ? scope.keys : undefined
    const { cursor } = sending
    const onPage = (page: CurrentPage) => {
      sending.isReading = false
      if (this.#sendings.includes(sending)) this.#frame(sending, feed, page)
      this.pump()
    }
    this.#context.snapshots.read({ reader: this.#reader, topic, partition, keys, cursor }, onPage, this.#fail)
  }

  get #next(): Sending | undefined {
    return this.#sendings.find(({ subscription }) => !subscription.queue.isPaused)
  }

  #frame(sending: Sending, feed: Feed, { results, next }: CurrentPage): void {
    const { topic, partition } = feed
    const lane = this.#context.resultLaneOf(topic)
    const isLastPage = next === SCAN_START
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
    sending.frames = snapshotFrames({ sub, topic, partition, epoch, lane }, shown, {
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
