import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { encodeEvent, partitionOf, RecordBatchBuilder } from '../../src/bus/index.ts'
import { defineConfig, topic } from '../../src/index.ts'
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

/** More than one commit takes, in one partition. */
async function publishBacklog(): Promise<void> {
  const key = keyIn(0)
  const log = opened.bus.log(0, 'append')
  await log.lineage()
  for (let from = 0; from < EVENTS; from += 500) {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      Array.from({ length: 500 }, (_, i) => {
        const data = JSON.stringify({ k: key, v: from + i })
        return {
          key,
          lane: 'normal' as const,
          time: 1_000,
          json: encodeEvent(`${from + i}`, key, 1_000, undefined, data),
        }
      }),
    )
    const batches = [{ topic: 'a.reading', ...builder.build() }]
    const slices = [{ batch: 0, lastIndex: 499, identity: undefined }]
    await log.append({ batches, slices })
  }
}

test('W-COMMAND-1 W-COMMAND-2 while a topic catches up, commands of its partition and of others are answered', async () => {
  await publishBacklog()
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
