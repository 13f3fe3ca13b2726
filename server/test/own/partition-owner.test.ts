import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BusUnavailable, type CommitRequest, partialsTopic, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { untilReady } from '../../src/bus/redis/connection.ts'
import { systemClock } from '../../src/clock.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig } from '../../src/index.ts'
import { Holder, type HoldOutcome } from '../../src/lease/holder.ts'
import { EntrySource } from '../../src/own/entry-source.ts'
import { type OwnerContext, processWide } from '../../src/own/loop-context.ts'
import { PartitionOwner } from '../../src/own/partition-owner.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { Trimmer } from '../../src/own/trimmer.ts'
import { WorkerStats } from '../../src/own/worker-stats.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { findRedisBinary } from '../../src/supervisor/redis-binary.ts'
import { reading } from '../support/fold.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useConnection } from '../support/use-redis.ts'
import { Deployment, PARTITIONS, readings } from '../support/workers.ts'
import config from './fixtures/worker.config.ts'

const STOP = { deadlineMs: 5_000 }
const folder = await mkdtemp(join(tmpdir(), 'tidegate-owner-'))
// One that can be stopped in order and started again.
const server = await PrivateRedis.open({ binary: await findRedisBinary(readSettings(), () => {}), dataFolder: folder })
afterAll(async () => {
  await server.close(STOP)
  await rm(folder, { recursive: true })
})
const redis = await useConnection(server.url)
beforeEach(() => redis.flushall())
const opened = useBus(server, PARTITIONS)
const deployment = new Deployment(redis)
let running: { owner: Holder; ended: Promise<HoldOutcome> }[] = []

afterEach(async () => {
  for (const { owner } of running) owner.stop()
  await Promise.all(running.map(({ ended }) => ended))
  running = []
})

class LosingStore extends PartitionStore {
  readonly requests: CommitRequest[] = []

  /** @param losses how often a reply is lost before one arrives */
  constructor(partition: number, losses: number) {
    super(partition, opened.bus)
    const commit = this.ledger.commit.bind(this.ledger)
    this.ledger.commit = async (request) => {
      this.requests.push(request)
      const reply = await commit(request)
      const sent = this.requests.filter(({ commitId }) => commitId === request.commitId).length
      if (sent <= losses) throw new BusUnavailable('unknown', 0, 'the reply was lost')
      return reply
    }
  }
}

const logged: string[] = []

function own(
  partition: number,
  store = new PartitionStore(partition, opened.bus),
  { contract }: Pick<typeof config, 'contract'> = config,
) {
  const context: OwnerContext = {
    pipeline: new Pipeline(contract),
    partitions: PARTITIONS,
    clock: systemClock,
    stats: new WorkerStats(() => systemClock),
    ...processWide(opened.bus),
    everywhere: async () => true,
    log: (message) => logged.push(message),
    report: () => 'defect',
  }
  const source = new EntrySource(partition, opened.bus, systemClock)
  const trimmer = new Trimmer(store, context.pipeline, PARTITIONS)
  const owner = new Holder(new PartitionOwner(context, store, source, trimmer), context.log)
  const run = { owner, ended: owner.run() }
  running.push(run)
  return { ...run, stats: context.stats, reports: context.reports, source }
}

const ownAll = () => Array.from({ length: PARTITIONS }, (_, partition) => own(partition))

describe('partition owner', () => {
  it('L-COMMIT-2 sends the same commit again until it is answered', async () => {
    const stores = Array.from({ length: PARTITIONS }, (_, partition) => new LosingStore(partition, 2))
    const owners = stores.map((store) => own(store.partition, store))
    const events = readings(400, 8_000)
    await deployment.publishOver(events, 1_000)
    await deployment.expectExact(events)
    const requests = stores[0]!.requests
    expect(new Set(requests.slice(0, 3)).size).toBe(1)
    expect(owners[0]!.stats.report().commits).toMatchObject({ conflict: 0, fenced: 0 })
  })

  it('W-MERGE-9 a merged window does not close without an idle partition whose owner is gone', async () => {
    const merged = reading.window('a.all', {
      tumbling: '1s',
      outOfOrderness: '0s',
      allowedLateness: '0s',
      groupBy: null,
      aggregate: { count: 'count' },
    })
    const strict = defineConfig({ topics: [reading, merged] })
    const owners = Array.from({ length: PARTITIONS }, (_, p) => own(p, undefined, strict))
    const start = 1_732_350_000_000
    const keyOf = (partition: number) => {
      for (let n = 0; ; n++) if (partitionOf(`k-${n}`, PARTITIONS) === partition) return `k-${n}`
    }
    const gone = (partitionOf('a.all', PARTITIONS) + 1) % PARTITIONS
    const publishIn = (partitions: readonly number[], time: number) =>
      deployment.publish(partitions.map((p) => ({ id: `${p}-${time}`, key: keyOf(p), time: start + time, v: 1 })))
    const all = Array.from({ length: PARTITIONS }, (_, p) => p)
    const counts = async () =>
      (await deployment.eventsOf('a.all')).map(({ data }) => (data as Pane<{ count: number }>).value.count)
    await publishIn(all, 100)
    await until(async () => (await counts()).length === 1, 'the first window closes with all idle')
    // Its owner ends as if killed: it releases nothing.
    await redis.hset(keys.meta(gone), 'token', 'nobody')
    await owners[gone]!.ended
    await publishIn([gone], 10_500)
    await publishIn(
      all.filter((p) => p !== gone),
      10_600,
    )
    await publishIn(
      all.filter((p) => p !== gone),
      12_000,
    )
    await sleep(1_000)
    expect(await counts()).toEqual([PARTITIONS])
    own(gone, undefined, strict)
    await until(async () => (await counts()).length >= 2, 'the second window closes')
    expect((await counts()).slice(0, 2)).toEqual([PARTITIONS, PARTITIONS])
  })

  it('W-MERGE-10 looks for reports once another partition of the process has stored some', async () => {
    const merger = partitionOf('a.all', PARTITIONS)
    const { source, reports } = own(merger)
    const wake = vi.spyOn(source, 'wake')
    const merging = vi.fn()
    const { reports: ofOther } = own((merger + 1) % PARTITIONS)
    ofOther.join({ windows: ['a.all'], wake: merging })
    await deployment.publish(readings(100, 4_000))
    await expect.poll(() => merging.mock.calls.length, { timeout: 10_000 }).toBeGreaterThan(0)
    const report = { op: 'append', topic: partialsTopic('a.all'), header: '', payload: Buffer.from('') } as const
    const look = () => {
      reports.stored([{ ...report, watermark: undefined, latest: [] }])
      return wake.mock.calls.length
    }
    await expect.poll(look, { timeout: 10_000 }).toBeGreaterThan(0)
  })

  it('W-LOST-1 W-LOST-2 windows whose input was trimmed before it was read begin anew behind it, and say so', async () => {
    const options = {
      tumbling: '1s',
      outOfOrderness: '0s',
      allowedLateness: '0s',
      aggregate: { count: 'count' },
    } as const
    const keyed = reading.window('a.1s', options)
    const merged = reading.window('a.all', { ...options, groupBy: null })
    const strict = defineConfig({ topics: [reading, keyed, merged] })
    const ownAllOf = () => Array.from({ length: PARTITIONS }, (_, p) => own(p, undefined, strict))
    const events = readings(600, 30_000)
    const firstOwners = ownAllOf()
    await deployment.publish(events.slice(0, 205))
    await until(async () => (await deployment.eventsOf('a.all')).length >= 5, 'the first windows close')
    for (const { owner } of firstOwners) owner.stop()
    await Promise.all(firstOwners.map(({ ended }) => ended))
    const before = (await deployment.eventsOf('a.1s')).length
    await deployment.publish(events.slice(205, 300))
    // One partition loses what it has not read; the others have it.
    const lost = partitionOf('a.all', PARTITIONS)
    const log = keys.log(lost, 'a.reading')
    const [[newest]] = (await redis.xrevrange(log, '+', '-', 'COUNT', 1)) as [[string, string[]]]
    await deployment.publish(events.slice(300, 310))
    await redis.xtrim(log, 'MINID', newest)
    await redis.xdel(log, newest)
    await redis.hset(keys.meta(lost), 'trim:a.reading', newest)
    logged.length = 0
    const owners = ownAllOf()
    for (let n = 310; n < 600; n += 10) await deployment.publish(events.slice(n, n + 10))
    const whole = new Map<string, number>()
    for (const { key, time } of events) {
      for (const group of [key, '*']) {
        const name = `${group}/${Math.floor(time / 1_000) * 1_000}`
        whole.set(name, (whole.get(name) ?? 0) + 1)
      }
    }
    const last = Math.floor(Math.max(...events.map(({ time }) => time)) / 1_000) * 1_000
    const panesOf = async (topic: string) =>
      (await deployment.eventsOf(topic)).map(({ data }) => data as Pane<{ count: number }>)
    await until(async () => (await panesOf('a.all')).some(({ start }) => start === last), 'the last window closes')
    const wrong = [...(await panesOf('a.1s')), ...(await panesOf('a.all'))].filter(
      ({ key, start, value }) => whole.get(`${key}/${start}`) !== value.count,
    )
    expect(wrong).toEqual([])
    expect((await panesOf('a.1s')).length).toBeGreaterThan(before + 100)
    expect(logged.filter((line) => /retention removed entries of a\.reading/.test(line))).toHaveLength(1)
    expect(owners.map(({ stats }) => stats.totals().lostInputs).filter((count) => count > 0)).toEqual([1])
  })

  it('L-HOLD-3 drops what it holds after a conflict and loads what is stored', async () => {
    const owners = ownAll()
    const events = readings(400, 8_000)
    const publishing = deployment.publishOver(events, 1_000)
    for (let i = 0; i < 3; i++) {
      await sleep(300)
      await redis.hincrby(keys.meta(0), 'commitSeq', 1)
    }
    await publishing
    await deployment.expectExact(events)
    expect(owners[0]!.stats.report().commits.conflict).toBeGreaterThan(0)
  })

  it('W-LOOP-3 goes on after Redis was away and restarted, with nothing lost, doubled or late', async () => {
    ownAll()
    const events = readings(1_000, 10_000)
    const publishing = deployment.publishOver(events, 3_000)
    await sleep(1_000)
    await server.stop(STOP)
    await sleep(700)
    await server.start()
    await publishing
    await deployment.expectExact(events)
  })

  it('L-LINEAGE-1 settles a changed identity by itself when no gateway does', async () => {
    const { stats } = own(0)
    await deployment.publish(readings(100, 2_000))
    await until(() => stats.report().folded.events > 0, 'events are folded')
    const epoch = await redis.hget(keys.meta(0), 'epoch')
    await redis.hset(keys.meta(0), 'lineage', 'old:old')
    const startedAt = performance.now()
    await until(async () => (await redis.hget(keys.meta(0), 'lineage')) !== 'old:old', 'the identity is settled')
    expect(performance.now() - startedAt).toBeGreaterThan(1_500)
    expect(await redis.hget(keys.meta(0), 'epoch')).toBe(epoch)
  })

  it('W-LOOP-4 starts a new epoch when an entry it wrote is gone', async () => {
    const { stats } = own(0)
    await deployment.publish(readings(100, 2_000))
    await until(() => stats.report().folded.panes > 0, 'panes are stored')
    const log = keys.log(0, 'a.1s')
    await until(async () => (await deployment.eventsOf('a.1s')).length > 0, 'panes are in the log')
    await sleep(200)
    const [newest] = await redis.xrevrange(log, '+', '-', 'COUNT', 1)
    const epoch = await redis.hget(keys.meta(0), 'epoch')
    await redis.xdel(log, newest![0])
    await redis.hset(keys.meta(0), 'lineage', 'old:old')
    await until(async () => (await redis.hget(keys.meta(0), 'lineage')) !== 'old:old', 'the identity is settled')
    expect(await redis.hget(keys.meta(0), 'epoch')).not.toBe(epoch)
  })

  it('L-HOLD-2 ends when it is fenced, without taking again', async () => {
    const { ended } = own(0)
    await until(async () => (await redis.hget(keys.meta(0), 'token')) !== null, 'the partition is taken')
    await redis.hset(keys.meta(0), 'token', '9:other')
    expect(await ended).toBe('fenced')
    expect(await redis.hget(keys.meta(0), 'token')).toBe('9:other')
  })

  it('L-TAKE-1 leaves a partition alone whose owner is alive', async () => {
    own(0)
    await until(async () => (await redis.hget(keys.meta(0), 'token')) !== null, 'the partition is taken')
    expect(await own(0).ended).toBe('held')
  })

  it('W-OWNER-3 commits what it has folded before it releases', async () => {
    const { owner, ended, stats } = own(0)
    await until(async () => (await redis.hget(keys.meta(0), 'token')) !== null, 'the partition is taken')
    await sleep(100)
    await deployment.publish(readings(100, 500))
    await sleep(20)
    owner.stop()
    const stoppedAt = performance.now()
    expect(await ended).toBe('released')
    expect(performance.now() - stoppedAt).toBeLessThan(200)
    expect(await redis.hmget(keys.meta(0), 'released', 'takes')).toEqual(['1', '0'])
    const own0 = readings(100, 500).filter(({ key }) => partitionOf(key, PARTITIONS) === 0)
    expect(stats.report().folded.events).toBe(own0.length)
  })

  it('W-OWNER-3 does not wait for input when it is to end', async () => {
    const { owner, ended } = own(0)
    await until(async () => (await redis.hget(keys.meta(0), 'token')) !== null, 'the partition is taken')
    await sleep(300)
    const stoppedAt = performance.now()
    owner.stop()
    expect(await ended).toBe('released')
    expect(performance.now() - stoppedAt).toBeLessThan(200)
  })

  it('W-OWNER-6 owns a partition in which nothing is computed, until it is to end', async () => {
    const nothing = defineConfig({ topics: [reading] })
    const before = logged.length
    const { owner, ended } = own(0, undefined, nothing)
    await sleep(500)
    expect(logged.slice(before)).toEqual([])
    const stopped = performance.now()
    owner.stop()
    expect(await ended).toBe('released')
    expect(performance.now() - stopped).toBeLessThan(500)
  })

  it('L-RELEASE-2 can be given up while Redis is away', async () => {
    const { owner, ended } = own(0)
    await until(async () => (await redis.hget(keys.meta(0), 'token')) !== null, 'the partition is taken')
    await server.stop(STOP)
    owner.stop()
    await sleep(300)
    owner.abandon()
    expect(await ended).toBe('abandoned')
    await server.start()
    await untilReady(redis, 5_000)
  })
})
