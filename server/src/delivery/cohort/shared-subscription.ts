import type { FeedLane, Ledger, SubscriptionQueue } from '../queue/index.ts'
import { companyMs, isPaced, pushSeen, type Receiver, type SubscriptionPlan } from '../subscription/index.ts'
import { type Entry, type LaneIndex, noneWithheld, type Part, type Picks, partOf } from '../wire/index.ts'

/** What a shared subscription tells its cohort. */
export interface SharedSink {
  queued(withinMs: number): void
  fail(where: string, error: unknown): void
}

/** A feed lane that is the same for every session of a cohort. */
export interface SharedLane extends FeedLane {
  readonly topic: string
  readonly index: LaneIndex
  /** Number of the last frame with events of it. */
  frames: number
}

/** One subscription that all sessions of a cohort have alike. In the index it stands for theirs. */
export class SharedSubscription implements Receiver {
  readonly plan: SubscriptionPlan
  readonly queue: SubscriptionQueue
  readonly sink: SharedSink
  readonly #lanes = new Map<string, SharedLane>()
  readonly #parts = new Map<string, Part>()

  constructor(plan: SubscriptionPlan, queue: SubscriptionQueue, sink: SharedSink) {
    this.plan = plan
    this.queue = queue
    this.sink = sink
  }

  /** Of its own queue. */
  get ledger(): Readonly<Ledger> {
    return this.queue.ledger
  }

  offer(index: LaneIndex, entry: Entry, picks: Picks): void {
    pushSeen(this, index, this.#lane(index, entry), entry, picks)
    this.sink.queued(companyMs(this.plan, index, this.queue.ledger.queued))
  }

  *lanesWrittenAfter(frames: number): Iterable<SharedLane> {
    for (const lane of this.#lanes.values()) if (lane.frames > frames) yield lane
  }

  /** No session is in a cohort while a tail catches up. */
  caughtUpTo(): void {}

  #lane(index: LaneIndex, { topic, partition, epoch, streamId }: Entry): SharedLane {
    const name = `${index}${partition} ${topic}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      const part = partOf(this.#parts, this.plan.sub, topic, index, isPaced(this.plan, index))
      const taken = { epoch, streamId, index: -1 }
      lane = { topic, partition, index, part, taken, epoch, waiting: 0, trailing: noneWithheld(), frames: 0 }
      this.#lanes.set(name, lane)
    }
    return lane
  }
}
