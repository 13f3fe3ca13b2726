import { BackfillJob } from '../../src/backfill/backfill-job.ts'
import { BackfillStore } from '../../src/backfill/backfill-store.ts'
import { Backfills, type StartedBackfill } from '../../src/backfill/backfills.ts'
import type { BackfillRequest } from '../../src/backfill/plan.ts'
import { backfillTarget } from '../../src/backfill/target.ts'
import { openTopology } from '../../src/bus/contract/topology.ts'
import { type Bus, decodeEvents, type EventBody, type LogEntry } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { encodeOffsets } from '../../src/fold/progress.ts'
import type { Config } from '../../src/index.ts'
import { Holder } from '../../src/lease/holder.ts'
import { Turn } from '../../src/lease/turn.ts'
import { logOf } from '../support/bus.ts'
import { appended, FakeStore, recordBatch } from '../support/fold.ts'

type Contract = Config<never>['contract']

/** A batch with the time at which it was appended, ms. */
export interface Appended {
  readonly topic: string
  readonly at: number
  readonly events: readonly EventBody[]
}

/** One partition: its logs in Redis, a live worker that keeps its state in memory and says in Redis how far it is. */
export class BackfillPartition {
  readonly #redis: Redis
  readonly #bus: Bus
  readonly #store = new FakeStore()
  /** What the live windows put out: topic -> events. */
  readonly live = new Map<string, EventBody[]>()
  now = 0

  constructor(redis: Redis, bus: Bus) {
    this.#redis = redis
    this.#bus = bus
  }

  async open(): Promise<void> {
    await this.#redis.flushall()
    await openTopology(() => this.#redis, 1)
  }

  async append(batches: readonly Appended[]): Promise<void> {
    for (const { topic, at, events } of batches) {
      const { header, payload } = recordBatch(events)
      await this.#redis.xadd(keys.log(0, topic), `${at}-0`, 'e', 'e', 'h', header, 'd', payload)
    }
  }

  /** Folds batches as the owner of the partition does, with what it has stored before. */
  async runLive({ contract }: { contract: Contract }, batches: readonly Appended[]): Promise<void> {
    const fold = new PartitionFold(new Pipeline(contract), 0, 1, this.#store.load())
    const commit = () => {
      const operations = this.#store.commit(fold)
      for (const topic of contract.topics.keys()) {
        this.live.set(topic, [...(this.live.get(topic) ?? []), ...appended(operations, topic)])
      }
    }
    // A worker looks for input before it folds any.
    fold.polledEmpty(0, new Set())
    for (const { topic, at, events } of batches) {
      fold.fold({ topic, streamId: `${at}-0`, events, ends: [] })
      do commit()
      while (fold.hasDue)
    }
    while (fold.isDirty) commit()
    await this.#redis.hset(keys.meta(0), {
      offsets: encodeOffsets(fold.offsets),
      clocks: JSON.stringify(fold.progress()),
    })
  }

  async start(
    { contract }: { contract: Contract },
    window: string,
    request?: BackfillRequest,
  ): Promise<StartedBackfill> {
    const backfills = new Backfills(this.#bus, contract, backfillTarget(contract, window))
    try {
      return await backfills.start(request)
    } finally {
      await backfills.close()
    }
  }

  job({ contract }: { contract: Contract }, window: string): Holder {
    const context = {
      partitions: 1,
      clock: { now: () => this.now, monotonic: () => this.now },
      folding: new Turn(),
      log: () => {},
    }
    const job = new BackfillJob(context, backfillTarget(contract, window), this.store(window), () => {})
    return new Holder(job, context.log)
  }

  store(window: string): BackfillStore {
    return new BackfillStore(0, window, this.#bus, 'query')
  }

  /** What was appended to a result topic in Redis: that is, by backfills. */
  async entries(topic: string): Promise<LogEntry[]> {
    return logOf(this.#redis, 0).range(topic, '-', '+', 100_000)
  }

  async filled(topic: string): Promise<EventBody[]> {
    return (await this.entries(topic)).flatMap(({ payload }) => decodeEvents(payload))
  }
}
