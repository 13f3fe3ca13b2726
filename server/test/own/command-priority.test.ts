import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type Bus, encodeEvent, partitionOf, RecordBatchBuilder } from '../../src/bus/index.ts'
import { systemClock } from '../../src/clock.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { Holder } from '../../src/lease/holder.ts'
import { EntrySource } from '../../src/own/entry-source.ts'
import { processWide } from '../../src/own/loop-context.ts'
import { PartitionOwner } from '../../src/own/partition-owner.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { Trimmer } from '../../src/own/trimmer.ts'
import { WorkerStats } from '../../src/own/worker-stats.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { counter } from '../entities/counter.ts'
import { EntityDeployment } from '../support/entities.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 2
const EVENTS = 12_000
/** Of folding one event: all of them take more than half a second. */
const EVENT_MS = 0.05
let folded = 0

const reading = topic('a.reading', { schema: z.object({ k: z.string(), v: z.number() }), key: 'k' })
const slow = reading
  .map((event) => {
    const endsAt = performance.now() + EVENT_MS
    while (performance.now() < endsAt);
    folded++
    return event
  })
  .filter(({ v }) => v % 100 === 0)
  .to('a.slow', { version: 1 })
const { contract } = defineConfig({ topics: [reading, slow], entities: [counter] })

const { server } = await useRedis()
const opened = useBus(server, PARTITIONS)
let worker: RunningWorker | undefined

beforeEach(() => {
  folded = 0
})
afterEach(async () => {
  await worker?.close({ deadlineMs: 5_000 })
})

const keyIn = (partition: number) =>
  Array.from({ length: 100 }, (_, i) => `k-${i}`).find((key) => partitionOf(key, PARTITIONS) === partition)!

/** In partition 0. */
async function publishBacklog(topicName: string, events: number, keyOf: (event: number) => string): Promise<void> {
  const log = opened.bus.log(0, 'append')
  await log.lineage()
  for (let from = 0; from < events; from += 500) {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      Array.from({ length: 500 }, (_, i) => {
        const key = keyOf(from + i)
        const data = JSON.stringify({ k: key, v: from + i })
        return {
          key,
          lane: 'normal' as const,
          time: 1_000,
          json: encodeEvent(`${from + i}`, key, 1_000, undefined, data),
        }
      }),
    )
    const batches = [{ topic: topicName, ...builder.build() }]
    const slices = [{ batch: 0, lastIndex: 499, identity: undefined }]
    await log.append({ batches, slices })
  }
}

test('W-COMMAND-1 W-COMMAND-2 while a topic catches up, commands of its partition and of others are answered', async () => {
  await publishBacklog('a.reading', EVENTS, () => keyIn(0))
  const settings = { redisUrl: server.url, partitions: PARTITIONS, log: () => {}, workerId: 'w-1' }
  worker = await startWorker(settings, contract)
  const deployment = new EntityDeployment(opened.bus)
  await until(async () => folded > 0, 'the topic is folded')
  const send = async (id: string, partition: number) => {
    await deployment.send([{ id, key: keyIn(partition), entity: 'counter', command: 'add', input: { n: 1 } }])
    await deployment.answered([id])
    return folded
  }
  const [here, elsewhere] = await Promise.all([send('here', 0), send('elsewhere', 1)])
  expect(here).toBeLessThan(EVENTS / 2)
  expect(elsewhere).toBeLessThan(EVENTS / 2)
})

/** Events of one commit. */
const AT_ONCE = 20_000
const counted = topic('b.reading', { schema: z.object({ k: z.string(), v: z.number() }), key: 'k' })
const seen = counted
  .map((event) => {
    folded++
    return event
  })
  .filter(() => false)
  .to('b.seen', { version: 1 })
const perKey = counted.window('b.count', { tumbling: '1h', aggregate: { count: 'count' } })
const windows = defineConfig({ topics: [counted, seen, perKey], entities: [counter] })

/** An owner of partition 0. */
function ownerOf(store: PartitionStore, bus: Pick<Bus, 'after' | 'log'> = opened.bus) {
  const pipeline = new Pipeline(windows.contract)
  const context = {
    ...{ pipeline, partitions: PARTITIONS, clock: systemClock, stats: new WorkerStats(() => systemClock) },
    ...{ ...processWide(bus), everywhere: async () => true, log: () => {}, report: () => 'defect' },
  }
  const source = new EntrySource(0, opened.bus, systemClock)
  const trimmer = new Trimmer(store, pipeline, PARTITIONS)
  return { owner: new Holder(new PartitionOwner(context, store, source, trimmer), () => {}), trimmer }
}

test('W-LOOP-12 a command is answered while a trim waits for Redis', async () => {
  const { owner, trimmer } = ownerOf(new PartitionStore(0, opened.bus))
  let isTrimming = false
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  trimmer.trimWhenDue = () => {
    isTrimming = true
    return released
  }
  const ended = owner.run()
  try {
    await until(async () => isTrimming, 'a trim is under way')
    const deployment = new EntityDeployment(opened.bus)
    await deployment.send([{ id: 't', key: keyIn(0), entity: 'counter', command: 'add', input: { n: 1 } }])
    await deployment.answered(['t'])
  } finally {
    release()
    owner.stop()
    await ended
  }
})

test('W-COMMAND-5 a commit of windows gives way once to commands that were found before it', async () => {
  await publishBacklog('b.reading', 3 * AT_ONCE, (event) => `k-${event % 1_000}`)
  const commits: string[] = []
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const store = new PartitionStore(0, opened.bus)
  for (const ledger of [store.ledger, store.answersLedger]) {
    const commit = ledger.commit.bind(ledger)
    ledger.commit = async (request) => {
      if (ledger === store.answersLedger) commits.push('answers')
      else if (request.operations.length > 0) commits.push('windows')
      if (commits.length === 1) await released
      return commit(request)
    }
  }
  let isFound = false
  const bus: Pick<Bus, 'after' | 'log'> = {
    log: (...args) => opened.bus.log(...args),
    async after(...args) {
      const found = await opened.bus.after(...args)
      if (found.some((entries) => entries.length > 0)) isFound = true
      return found
    },
  }
  const { owner } = ownerOf(store, bus)
  const ended = owner.run()
  try {
    // The first commit is under way, and the next one waits for it.
    await until(async () => folded === 2 * AT_ONCE, 'a second commit is full')
    const deployment = new EntityDeployment(opened.bus)
    await deployment.send([{ id: 'c', key: keyIn(0), entity: 'counter', command: 'add', input: { n: 1 } }])
    await until(async () => isFound, 'the command is found')
    release()
    await deployment.answered(['c'])
    await expect.poll(() => commits.slice(0, 3)).toEqual(['windows', 'answers', 'windows'])
  } finally {
    release()
    owner.stop()
    await ended
  }
})
