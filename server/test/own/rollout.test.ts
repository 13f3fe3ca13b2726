import { afterEach, describe, expect, it, vi } from 'vitest'
import { writeContract } from '../../src/bus/contract/contract-view.ts'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { claimOf } from '../../src/config/changes/claim.ts'
import type { Contract, Pane } from '../../src/config/contract/model.ts'
import { defineConfig } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { until } from '../support/tidegate-process.ts'
import { useRedis } from '../support/use-redis.ts'
import { CLOSING, Deployment, PARTITIONS, type Reading, readings, WINDOW_MS } from '../support/workers.ts'
import { checked, overAll, perKey, reading, windowOptions } from './fixtures/worker.config.ts'

const BEFORE = defineConfig({ topics: [reading, perKey, overAll, checked] }).contract
const later = reading.window('a.later', windowOptions)
const laterAll = reading.window('a.later_all', { ...windowOptions, groupBy: null })
const AFTER = defineConfig({ topics: [reading, perKey, overAll, checked, later, laterAll] }).contract

const PATIENTLY = { timeout: 5_000, interval: 100 }

const { server, redis } = await useRedis()
const deployment = new Deployment(redis)
const workers: RunningWorker[] = []
const logged: string[] = []

afterEach(async () => {
  logged.splice(0)
  await Promise.all(workers.splice(0).map((worker) => worker.close({ deadlineMs: 2_000 })))
})

async function start(workerId: string, contract: Contract): Promise<RunningWorker> {
  const log = (line: string) => logged.push(`${workerId}: ${line}`)
  const worker = await startWorker({ redisUrl: server.url, partitions: PARTITIONS, log, workerId }, contract)
  workers.push(worker)
  return worker
}

const generations = () =>
  Promise.all(Array.from({ length: PARTITIONS }, (_, p) => redis.hget(keys.meta(p), 'contract')))

/** Waits until all partitions are of a generation and held. */
async function untilTaken(generation: number): Promise<void> {
  await until(
    async () =>
      (await generations()).every((one) => Number(one ?? 0) === generation) &&
      (await deployment.owners((await deployment.now()) - 1_000)).every((token) => token !== undefined),
    `all partitions are of generation ${generation}`,
  )
}

/** Counts of a window by key and start: of each the last pane's. */
async function lastCounts(topic: string, isMeant: (key: string) => boolean): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const { data } of await deployment.eventsOf(topic)) {
    const { key, start, value } = data as Pane<{ readonly count: number }>
    if (isMeant(key) && start < CLOSING) counts.set(`${key}/${start}`, value.count)
  }
  return counts
}

/** A window that came later holds everything of its windows from the first one on. */
async function expectExactSince(topic: string, events: readonly Reading[], groupOf: (key: string) => string) {
  const groups = new Set(events.map(({ key }) => groupOf(key)))
  const found = await lastCounts(topic, (key) => groups.has(key))
  const begin = Math.min(...[...found.keys()].map((name) => Number(name.split('/')[1])))
  const counts = new Map<string, number>()
  for (const { key, time } of events) {
    const start = Math.floor(time / WINDOW_MS) * WINDOW_MS
    const name = `${groupOf(key)}/${start}`
    if (start >= begin) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  expect(counts.size).toBeGreaterThan(0)
  expect(found).toEqual(counts)
}

describe('a rollout of another contract', () => {
  it('W-ROLLOUT-1 W-ROLLOUT-2 hands over under load: everything is folded once, panes are those of a single pass', async () => {
    await Promise.all([start('old-1', BEFORE), start('old-2', BEFORE)])
    const events = readings(1_500, 15_000)
    const publishing = deployment.publishOver(events, 2_500)
    await until(async () => (await deployment.eventsOf('a.checked')).length > 300, 'some are folded')
    await start('new-1', AFTER)
    await untilTaken(1)
    await until(async () => (await deployment.shares())['new-1'] === PARTITIONS, 'the newer one has all')
    await publishing
    await deployment.expectExact(events)
    // Of one partition: in each it began at a moment of its own.
    const partition = partitionOf(events[0]!.key, PARTITIONS)
    const ofOne = events.filter(({ key }) => partitionOf(key, PARTITIONS) === partition)
    await vi.waitFor(() => expectExactSince('a.later', ofOne, (key) => key), PATIENTLY)
    await vi.waitFor(() => expectExactSince('a.later_all', events, () => '*'), PATIENTLY)
    expect(logged).toEqual([])
  })

  it('W-ROLLOUT-1 W-ROLLOUT-4 B-CONTRACT-6 goes back and forth again: nothing of what both have is lost or doubled', async () => {
    await start('old', BEFORE)
    const events = readings(1_500, 15_000)
    const publishing = deployment.publishOver(events, 4_000)
    await start('new', AFTER)
    await untilTaken(1)
    await writeContract(() => redis, { hash: BEFORE.hash, record: claimOf(BEFORE).record, isBack: true })
    await untilTaken(2)
    await until(async () => (await deployment.shares()).old === PARTITIONS, 'the older one has all again')
    const panes = (await deployment.eventsOf('a.later')).length
    await publishing
    await deployment.expectExact(events)
    expect((await deployment.eventsOf('a.later')).length).toBe(panes)
    await writeContract(() => redis, { hash: AFTER.hash, record: claimOf(AFTER).record, isBack: false })
    await untilTaken(3)
    expect(logged).toEqual([])
  })
})
