import { setTimeout as pause } from 'node:timers/promises'
import { decodeEvents, type EventBody, LOG_START, type LogEntry } from '../../../server/src/bus/index.ts'
import { readLogs } from '../../../server/src/bus/log/log-entry.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { catchUp, openBench } from '../support/catch-up.ts'
import { cpuSeconds, redisCpuSeconds } from '../support/cpu.ts'
import { LogFiller, PARTITIONS } from '../support/log-filler.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { TimedBid } from './generator.ts'
import { ResultLedger } from './ledger.ts'
import type { Query } from './query.ts'
import { BIDS, bidBatches, endOf } from './stream.ts'

const READ_COUNT = 100
const LOOK_EVERY_MS = 200
/** The last results come within moments of the last commit; after this long without them something is wrong. */
const RESULTS_DEADLINE_MS = 20_000

export interface Measured {
  /** Bids. */
  readonly events: number
  /** By CPU time of the worker: what one core does while Redis has its own. */
  readonly eventsPerSecPerCore: number
  /** By the clock, from the first partition taken to the last result stored. */
  readonly eventsPerSec: number
  /** CPU seconds of the worker and of Redis in each second. */
  readonly workerCores: number
  readonly redisCores: number
  readonly results: number
  /** Differences from the recompute; empty when there are none. */
  readonly faults: readonly string[]
}

/** Fills the log of a new Redis with the bids, lets one worker process drain it, and compares what it stored. */
export async function measure(query: Query, bids: readonly TimedBid[]): Promise<Measured> {
  const expected = query.expected(bids)
  const server = await startBenchRedis()
  try {
    const filler = await LogFiller.open(server.url)
    for (const { partition, events } of bidBatches(bids, query.keyField)) await filler.append(partition, BIDS, events)
    filler.close()
    const redis = await openBench(server.url)
    const redisCpu = await redisCpuSeconds(redis)
    const { worker, startedAt, startCpuSeconds, seconds } = await catchUp(redis, server.url, query.configFile, BIDS)
    const results = new StoredResults(redis, query.result)
    const ledger = new ResultLedger(query, endOf(bids))
    const deadline = Date.now() + RESULTS_DEADLINE_MS
    let used: { worker: number; redis: number }
    let faults: readonly string[]
    do {
      await pause(LOOK_EVERY_MS)
      // Before reading, which is no part of what is measured.
      used = {
        worker: (await cpuSeconds(worker.pid)) - startCpuSeconds,
        redis: (await redisCpuSeconds(redis)) - redisCpu,
      }
      await results.readNew((event) => ledger.add(event))
      faults = ledger.faults(expected)
    } while (faults.length > 0 && Date.now() < deadline)
    const tookSeconds = Math.max(seconds, (results.storedAt - startedAt) / 1_000)
    // Whatever would come twice had its chance to.
    await worker.stop()
    await results.readNew((event) => ledger.add(event))
    redis.disconnect()
    return {
      events: bids.length,
      eventsPerSecPerCore: Math.round(bids.length / used.worker),
      eventsPerSec: Math.round(bids.length / tookSeconds),
      workerCores: Math.round((used.worker / tookSeconds) * 100) / 100,
      redisCores: Math.round((used.redis / tookSeconds) * 100) / 100,
      results: ledger.size,
      faults: ledger.faults(expected),
    }
  } finally {
    await server.close()
  }
}

/** The log of a result topic, read as far as it goes. */
class StoredResults {
  readonly #redis: Redis
  readonly #topic: string
  readonly #cursors = Array.from({ length: PARTITIONS }, () => LOG_START)

  constructor(redis: Redis, topic: string) {
    this.#redis = redis
    this.#topic = topic
  }

  /** When the newest of what was read was stored, ms since 1970: Redis names entries by its clock. */
  get storedAt(): number {
    return Math.max(...this.#cursors.map((id) => Number.parseInt(id, 10)))
  }

  /** Partition by partition: while one is decoded no answer of Redis waits, and so none comes too late. */
  async readNew(onEvent: (event: EventBody) => void): Promise<void> {
    for (const partition of this.#cursors.keys()) {
      let entries: LogEntry[]
      do {
        const cursors = new Map([[this.#topic, this.#cursors[partition]!]])
        entries = await readLogs(this.#redis, partition, cursors, { count: READ_COUNT, blockMs: 0 })
        for (const { payload } of entries) for (const event of decodeEvents(payload)) onEvent(event)
        this.#cursors[partition] = entries.at(-1)?.streamId ?? this.#cursors[partition]!
      } while (entries.length > 0)
    }
  }
}
