import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import {
  BusUnavailable,
  decodeEvents,
  type EventBody,
  encodeEvent,
  partitionOf,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition, settleLineage } from '../../src/bus/log/lineage.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { logOf } from './bus.ts'

export const PARTITIONS = 4
export const WINDOW_MS = 1_000
const ALL_ENTRIES = 100_000
/** No window begins so late but those of what closes the others. */
export const CLOSING = 1_732_350_000_000 + 1_800_000
const CLOSER = 'closer-'
const DEADLINE_MS = 15_000
const POLL_MS = 50

export interface Reading {
  readonly id: string
  readonly key: string
  readonly time: number
  /** Multiple of 1/64: sums are exact in any order. */
  readonly v: number
}

/** `count` readings over 20 keys whose times spread over `spanMs`, each up to 200 ms out of order. */
export function readings(count: number, spanMs: number): Reading[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `r-${n}`,
    key: `k-${n % 20}`,
    time: 1_732_350_000_000 + Math.floor((n / count) * spanMs) - ((n * 37) % 200),
    v: ((n * 7_919) % 6_400) / 64,
  }))
}

/** One of each partition, half an hour after all others. */
function closers(): Reading[] {
  return partitions().map((partition) => {
    for (let n = 0; ; n++) {
      const key = `${CLOSER}${n}`
      if (partitionOf(key, PARTITIONS) === partition) return { id: key, key, time: CLOSING, v: 0 }
    }
  })
}

/** What the tests ask of a deployment's Redis: publishing as a gateway would, and looking at what workers made of it. */
export class Deployment {
  readonly #redis: Redis
  #seq = 0

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** Stores readings, however long Redis is away, each once. Settles a changed lineage as a gateway would. */
  async publish(events: readonly Reading[]): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const own = events.filter(({ key }) => partitionOf(key, PARTITIONS) === partition)
      if (own.length > 0) await this.#append(partition, own)
    }
  }

  /** Publishes in batches of 20, spread over `durationMs`. */
  async publishOver(events: readonly Reading[], durationMs: number): Promise<void> {
    const startedAt = performance.now()
    for (let from = 0; from < events.length; from += 20) {
      await sleep(Math.max(0, startedAt + (from / events.length) * durationMs - performance.now()))
      await this.publish(events.slice(from, from + 20))
    }
  }

  async eventsOf(topic: string): Promise<EventBody[]> {
    const logs = await Promise.all(
      partitions().map((partition) => logOf(this.#redis, partition).range(topic, '-', '+', ALL_ENTRIES)),
    )
    return logs.flat().flatMap(({ payload }) => decodeEvents(payload))
  }

  /**
   * Waits until the last revision of every pane of both windows is what the readings give, and checks that none came twice. All
   * MUST be published: what is stored here closes the windows, for which they would wait.
   */
  async expectExact(events: readonly Reading[]): Promise<void> {
    await this.publish(closers())
    const perKey = recompute(events, ({ key }) => key)
    const overAll = recompute(events, () => '*')
    const deadline = performance.now() + DEADLINE_MS
    for (;;) {
      const results = await Promise.all(['a.1s', 'a.all'].map((topic) => this.eventsOf(topic)))
      const [keyed, all] = results.map(lastValues)
      try {
        expect(keyed).toEqual(perKey)
        expect(all).toEqual(overAll)
        break
      } catch (error) {
        if (performance.now() > deadline) throw error
        await sleep(POLL_MS)
      }
    }
    const checked = (await this.eventsOf('a.checked')).map(({ id }) => id)
    expect(checked.filter((id) => !id.startsWith(CLOSER)).sort()).toEqual(events.map(({ id }) => id).sort())
    expect(await this.eventsOf('a.1s.late')).toEqual([])
    expect(await this.eventsOf('a.all.late')).toEqual([])
  }

  /** Waits until the flow has put out so many events. */
  async expectFolded(count: number): Promise<void> {
    await expect.poll(async () => (await this.eventsOf('a.checked')).length, { timeout: DEADLINE_MS }).toBe(count)
  }

  /** Redis' clock, ms. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#redis.time()
    return Number(seconds) * 1_000 + Number(micros) / 1_000
  }

  /** Token per partition, where an owner was heard of after `since` and has not released it. */
  async owners(since: number): Promise<(string | undefined)[]> {
    return Promise.all(
      partitions().map(async (partition) => {
        const meta = await this.#redis.hmget(keys.meta(partition), 'token', 'heartbeat', 'released')
        const [token, heartbeat, released] = meta
        return token != null && released !== '1' && Number(heartbeat) > since ? token : undefined
      }),
    )
  }

  /** Partitions that each worker says it owns. */
  async shares(): Promise<Record<string, number>> {
    const workers = await this.#redis.zrange(keys.workers, '0', '-1')
    const shares = workers.map(async (worker) => {
      const report = JSON.parse((await this.#redis.get(keys.worker(worker))) ?? '{"partitions":{}}')
      return [worker, Object.keys(report.partitions).length] as const
    })
    return Object.fromEntries(await Promise.all(shares))
  }

  async #append(partition: number, events: readonly Reading[]): Promise<void> {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      events.map(({ id, key, time, v }) => {
        const json = encodeEvent(id, key, time, undefined, JSON.stringify({ k: key, v }))
        return { key, lane: 'normal', time, json }
      }),
    )
    const identity = { producer: 'test', session: 1, seq: ++this.#seq, previous: '*', checksum: 'c', ageMs: 0 } as const
    const batches = [{ topic: 'a.reading', ...builder.build() }]
    const slices = [{ batch: 0, lastIndex: events.length - 1, identity }]
    for (;;) {
      try {
        const reply = await logOf(this.#redis, partition, 'append').append({ batches, slices })
        if (reply.status === 'ok') return
        await settleLineage(this.#redis, partition, reply, [])
      } catch (error) {
        if (!(error instanceof BusUnavailable)) throw error
        await openPartition(this.#redis, partition).catch(() => {})
        await sleep(POLL_MS)
      }
    }
  }
}

const partitions = () => Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** The value of the last revision of each pane before the closing ones. @throws when a revision is missing or there twice. */
function lastValues(panes: readonly EventBody[]): Map<string, Pane['value']> {
  const last = new Map<string, Pane>()
  for (const { data } of panes) {
    const pane = data as Pane
    if (pane.start >= CLOSING) continue
    const name = `${pane.key}/${pane.start}`
    expect([name, pane.revision]).toEqual([name, (last.get(name)?.revision ?? -1) + 1])
    last.set(name, pane)
  }
  return new Map([...last].map(([name, { value }]) => [name, value]))
}

function recompute(events: readonly Reading[], groupOf: (event: Reading) => string): Map<string, Pane['value']> {
  const groups = new Map<string, number[]>()
  for (const event of events) {
    const name = `${groupOf(event)}/${Math.floor(event.time / WINDOW_MS) * WINDOW_MS}`
    const values = groups.get(name) ?? []
    groups.set(name, values)
    values.push(event.v)
  }
  return new Map(
    [...groups].map(([name, values]) => {
      const sum = values.reduce((a, b) => a + b, 0)
      return [name, { sum, min: Math.min(...values), max: Math.max(...values), count: values.length }]
    }),
  )
}
