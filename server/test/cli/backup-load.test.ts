import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Gap } from '@tidegate/client/node'
import { parsePosition } from '@tidegate/protocol'
import { afterAll, expect, it, vi } from 'vitest'
import { BatchReader } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/redis/connection.ts'
import { startGateway } from '../../src/gateway-app.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { startWorker } from '../../src/worker-app.ts'
import { logOf, PATIENT_APPEND_MS } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { contract, readingOf } from '../support/contract.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { redisBinary } from '../support/redis.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const PLACES = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const { server, redis } = await useRedis({ options: ['--repl-diskless-sync-delay', '0'] })

/** Undone at the end, last first. */
const cleanups: (() => unknown)[] = []
afterAll(async () => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** A gateway and a worker in this process. */
async function start(redisUrl: string, port = 0) {
  const gateway = await startGateway(
    {
      ...{ redisUrl, partitions: PARTITIONS, host: '127.0.0.1', port, sharedPort: false, node: 'gw', maxLagMs: 10_000 },
      ...{ delivery: DELIVERY_LIMITS, appendDeadlineMs: PATIENT_APPEND_MS, onDefect: () => {} },
    },
    contract,
  )
  const worker = await startWorker({ redisUrl, partitions: PARTITIONS, workerId: 'w', log: () => {} }, contract)
  const close = () => Promise.all([gateway.close({ deadlineMs: 100 }), worker.close({ deadlineMs: 2_000 })])
  return { port: gateway.port, close }
}

/** Publishes readings of a sensor each, one of two of them hot, until it is stopped. */
function publishing(url: string, name: string) {
  const client = createClient({ url })
  /** Sensor -> where it was stored. */
  const acked = new Map<string, string>()
  let n = 0
  const timer = setInterval(() => {
    const sensors = [1, 2, 3].map(() => `${name}-${n++}`)
    client
      .publish(
        'sensor.reading',
        sensors.map((sensor, i) => ({ id: sensor, ...readingOf(sensor, 30 + (i % 2)) })),
      )
      .then(
        ({ at }) => {
          for (const sensor of sensors) acked.set(sensor, at[0]!)
        },
        () => {},
      )
  }, 5)
  cleanups.push(() => client.close({ deadlineMs: 0 }))
  return { client, acked, stop: () => clearInterval(timer) }
}

/** Ids of the events of a topic, one for each time that it is stored. */
async function storedIds(from: Redis, topic: string): Promise<string[]> {
  const logs = await Promise.all(PLACES.map((partition) => logOf(from, partition).range(topic, '-', '+', 10_000)))
  return logs.flat().flatMap((entry) => {
    const batch = new BatchReader(entry)
    return batch.bodies().flatMap(({ id }, index) => (batch.refused.has(index) ? [] : [id]))
  })
}

const entriesOf = (from: Redis, partition: number, topic: string) => from.xrange(keys.log(partition, topic), '-', '+')

it('X-BACKUP-5 B-LINEAGE-9 a backup under load is the beginning of every log; what came after it is told, and stored again by who has it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-load-'))
  cleanups.push(() => rm(folder, { recursive: true }))
  const [file, data] = [join(folder, 'backup.rdb'), join(folder, 'data')]
  const before = await start(server.url)
  const url = `http://127.0.0.1:${before.port}`
  const reader = createClient({ url })
  cleanups.push(() => reader.close({ deadlineMs: 0 }))
  const gaps: Gap[] = []
  const seen = new Map<string, number>()
  const subscription = reader.subscribe('sensor.reading', {}, ({ id }: { id: string }) => {
    seen.set(id, (seen.get(id) ?? 0) + 1)
  })
  subscription.onGap((gap) => gaps.push(gap))
  await subscription.ready
  const lasting = publishing(url, 'lasting')
  const orphan = publishing(url, 'orphan')
  const grown = async (by: number) => {
    const all = () => lasting.acked.size + orphan.acked.size
    const from = all()
    await expect.poll(all, { interval: 10 }).toBeGreaterThan(from + by)
  }

  await grown(300)
  vi.stubEnv('REDIS_URL', server.url)
  expect(await runCommand('backup', file)).toMatchObject({ code: 0 })
  await grown(300)
  for (const one of [lasting, orphan]) one.stop()
  await expect.poll(() => [...lasting.acked.keys(), ...orphan.acked.keys()].every((id) => seen.has(id))).toBe(true)
  await orphan.client.close({ deadlineMs: 0 })
  await before.close()

  expect(await runCommand('restore', file, '--data', data)).toMatchObject({ code: 0 })
  const own = await PrivateRedis.open({ binary: await redisBinary(), dataFolder: data })
  cleanups.push(() => own.close({ deadlineMs: 2_000 }))
  const restored = openCommandConnection(own.url, 'test')
  cleanups.push(() => restored.disconnect())
  await untilReady(restored, 5_000)
  let [kept, missing] = [0, 0]
  for (const partition of PLACES) {
    for (const topic of ['sensor.reading', 'sensor.hot']) {
      const [whole, part] = await Promise.all([redis, restored].map((from) => entriesOf(from, partition, topic)))
      expect(part).toEqual(whole!.slice(0, part!.length))
      kept += part!.length
      missing += whole!.length - part!.length
    }
  }
  expect(Math.min(kept, missing)).toBeGreaterThan(20)
  const inBackup = new Set(await storedIds(restored, 'sensor.reading'))

  const after = await start(own.url, before.port)
  cleanups.push(after.close)
  const told = () =>
    new Set(gaps.filter(({ reason }) => reason === 'epoch').map(({ upTo }) => parsePosition(upTo)!.partition))
  // While nothing was there, clients have waited longer each time, up to 10 s.
  await expect.poll(() => [...told()].sort(), { timeout: 20_000 }).toEqual(PLACES)
  const beyond = [...lasting.acked.keys()].filter((id) => !inBackup.has(id))
  expect(beyond.length).toBeGreaterThan(20)
  const stillMissing = async () => {
    const stored = new Set(await storedIds(restored, 'sensor.reading'))
    return [...lasting.acked.keys()].filter((id) => !stored.has(id))
  }
  await expect.poll(stillMissing).toEqual([])
  const all = await storedIds(restored, 'sensor.reading')
  expect(all.length).toBe(new Set(all).size)
  const lost = [...orphan.acked.keys()].filter((id) => !all.includes(id))
  expect(lost.length).toBeGreaterThan(20)
  expect(lost.filter((id) => inBackup.has(id))).toEqual([])
  // Events that nobody had acknowledged may still come.
  await expect
    .poll(async () => {
      const [readings, hot] = await Promise.all([
        storedIds(restored, 'sensor.reading'),
        storedIds(restored, 'sensor.hot'),
      ])
      return hot.length - readings.filter((id) => Number(id.split('-')[1]) % 3 === 1).length
    })
    .toBe(0)
})
