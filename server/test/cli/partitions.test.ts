import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Gap } from '@tidegate/client/node'
import { parsePosition } from '@tidegate/protocol'
import { afterEach, expect, it, vi } from 'vitest'
import { BatchReader, type EventBody, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { Pane, WithdrawnPane } from '../../src/config/contract/model.ts'
import { startGateway } from '../../src/gateway-app.ts'
import { PrivateRedis } from '../../src/supervisor/private-redis.ts'
import { startWorker } from '../../src/worker-app.ts'
import { entitiesOf, logOf, PATIENT_APPEND_MS } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { EventStream } from '../support/event-stream.ts'
import { redisBinary } from '../support/redis.ts'
import { TidegateProcess } from '../support/tidegate-process.ts'
import { useRedis } from '../support/use-redis.ts'
import config from './partitions.config.ts'

const [FROM, TO] = [2, 8]
const SENSORS = 24
// Without a file there is none to wait for.
const { server, redis } = await useRedis({ options: ['--appendonly', 'no'] })
// What is named as ours counts as a process of the deployment.
await redis.client('SETNAME', 'test')

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  vi.unstubAllEnvs()
})

/** A gateway and a worker in this process. */
async function start(partitions: number, port = 0, redisUrl = server.url) {
  const gateway = await startGateway(
    {
      ...{ redisUrl, partitions, host: '127.0.0.1', port, sharedPort: false, node: 'gw', maxLagMs: 10_000 },
      ...{ delivery: DELIVERY_LIMITS, appendDeadlineMs: PATIENT_APPEND_MS, onDefect: () => {} },
    },
    config.contract,
  )
  const worker = await startWorker({ redisUrl, partitions, workerId: 'w', log: () => {} }, config.contract)
  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await gateway.close({ deadlineMs: 100 })
    await worker.close({ deadlineMs: 5_000 })
  }
  cleanups.push(close)
  return { port: gateway.port, url: `http://127.0.0.1:${gateway.port}`, close }
}

function grow(...args: string[]) {
  vi.stubEnv('REDIS_URL', server.url)
  return runCommand('partitions', 'grow', ...args)
}

interface Reading {
  readonly id: string
  readonly time: number
  readonly source: string
  readonly data: { readonly sensor: string; readonly site: string; readonly v: number }
}

const START = Math.floor(Date.now() / 10_000) * 10_000 - 3_600_000

/** Readings of all sensors in turn, 10 ms apart, each up to 100 ms out of order; multiples of 1/64 add up exactly. */
function readings(from: number, to: number): Reading[] {
  return Array.from({ length: to - from }, (_, i) => {
    const n = from + i
    const [sensor, site, v] = [`s${n % SENSORS}`, `site${n % 5}`, ((n * 7_919) % 640) / 64]
    return { id: `r${n}`, time: START + n * 10 - ((n * 37) % 100), source: `src${n % 3}`, data: { sensor, site, v } }
  })
}

async function eventsOf(topic: string, partitions: number): Promise<(EventBody & { partition: number })[]> {
  const all = Array.from({ length: partitions }, async (_, partition) => {
    const entries = await logOf(redis, partition).range(topic, '-', '+', 100_000)
    return entries.flatMap((entry) => new BatchReader(entry).acceptedBodies().map((body) => ({ ...body, partition })))
  })
  return (await Promise.all(all)).flat()
}

interface Total {
  readonly sum: number
  readonly max: number
  readonly count: number
}

/** Of every window that is not withdrawn: the last revision, by `key start end`. Revisions follow one another. */
async function lastPanes(topic: string, partitions: number): Promise<Map<string, Total>> {
  const last = new Map<string, Pane<Total>>()
  for (const { data } of await eventsOf(topic, partitions)) {
    const pane = data as Pane<Total> | WithdrawnPane
    const name = `${pane.key} ${pane.start} ${pane.end}`
    if (pane.withdrawn) last.delete(name)
    else {
      const before = last.get(name)
      if (before !== undefined) expect([topic, name, pane.revision]).toEqual([topic, name, before.revision + 1])
      last.set(name, pane)
    }
  }
  return new Map([...last].map(([name, { value }]) => [name, value]).sort() as [string, Total][])
}

/** The same, computed of all readings at once. */
function recomputed(all: readonly Reading[], windowsOf: (reading: Reading) => readonly string[]): Map<string, Total> {
  const panes = new Map<string, Total>()
  for (const reading of all) {
    for (const name of windowsOf(reading)) {
      const { sum = 0, max = Number.NEGATIVE_INFINITY, count = 0 } = panes.get(name) ?? {}
      const { v } = reading.data
      panes.set(name, { sum: sum + v, max: Math.max(max, v), count: count + 1 })
    }
  }
  return new Map([...panes].sort() as [string, Total][])
}

const SECOND = 1_000
const tumblingBy = (groupOf: (reading: Reading) => string) => (reading: Reading) => {
  const start = Math.floor(reading.time / SECOND) * SECOND
  return [`${groupOf(reading)} ${start} ${start + SECOND}`]
}
const sensorOf = ({ data }: Reading) => data.sensor

function sessionsOf(all: readonly Reading[]): (reading: Reading) => readonly string[] {
  const names = new Map<string, string>()
  for (let s = 0; s < SENSORS; s++) {
    const own = all.filter((reading) => sensorOf(reading) === `s${s}`).sort((a, b) => a.time - b.time)
    for (let from = 0; from < own.length; ) {
      let to = from + 1
      while (to < own.length && own[to]!.time - own[to - 1]!.time < 300) to++
      for (const { id } of own.slice(from, to)) names.set(id, `s${s} ${own[from]!.time} ${own[to - 1]!.time + 300}`)
      from = to
    }
  }
  return ({ id }) => [names.get(id)!]
}

it('X-GROW-1 W-GROW-1 W-GROW-2 D-RESUME-13 windows, entities, publishers and subscribers continue over the border as if it were not there', async () => {
  const before = await start(FROM)
  const { url } = before
  const client = createClient<typeof config>({ url })
  const reader = createClient<typeof config>({ url })
  cleanups.push(() => Promise.all([client, reader].map((one) => one.close({ deadlineMs: 0 }))))
  const gaps: Gap[] = []
  const seen = new Map<string, string[]>()
  const subscription = reader.subscribe('g.reading', {}, ({ id, data, lane }) => {
    const name = `${data.sensor} ${lane}`
    seen.set(name, [...(seen.get(name) ?? []), id])
  })
  subscription.onGap((gap) => gaps.push(gap))
  await subscription.ready
  const publishing: Promise<unknown>[] = []
  const publish = (events: readonly Reading[]) => {
    for (let at = 0; at < events.length; at += 7) {
      const published = client.publish('g.reading', events.slice(at, at + 7))
      // Where the test fails before it looks.
      published.catch(() => {})
      publishing.push(published)
    }
  }
  const command = (n: number) => client.command('tally', `s${n % SENSORS}`, 'count', { n }, { id: `c${n}` })
  const posted = (id: string) =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': id },
      body: JSON.stringify(readings(2_000, 2_020).map((one) => ({ topic: 'g.reading', ...one }))),
    }).then((response) => response.json())

  publish(readings(0, 700))
  for (let n = 0; n < 60; n++) await command(n)
  expect(await posted('once')).toMatchObject({ accepted: 20, duplicate: false })
  await Promise.all(publishing)
  // Some of these have no answer when the gateway closes.
  publish(readings(700, 1_000))
  await before.close()
  expect(await grow(`${TO}`)).toMatchObject({ code: 0 })
  await start(TO, before.port)

  publish(readings(1_000, 1_600))
  await Promise.all(publishing)
  expect(await posted('once')).toMatchObject({ accepted: 20, duplicate: true })
  // The same commands again: their answers are known, and nothing is counted twice.
  for (let n = 0; n < 60; n++) await command(n)
  for (let n = 60; n < 120; n++) await command(n)

  const all = [...readings(0, 1_600), ...readings(2_000, 2_020)]
  const stored = await eventsOf('g.reading', TO)
  expect(stored.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort())
  expect(stored.filter(({ key, partition }) => partitionOf(key, TO) !== partition)).toEqual([])

  const windows: [string, (reading: Reading) => readonly string[]][] = [
    ['g.tumbling', tumblingBy(sensorOf)],
    ['g.fleet', tumblingBy(sensorOf)],
    ['g.all', tumblingBy(() => '*')],
    ['g.site', tumblingBy(({ data }) => data.site)],
    ['g.session', sessionsOf(all)],
    [
      'g.hopping',
      (reading) =>
        [0, SECOND].map((back) => {
          const start = Math.floor(reading.time / SECOND) * SECOND - back
          return `${sensorOf(reading)} ${start} ${start + 2 * SECOND}`
        }),
    ],
  ]
  for (const [topic, windowsOf] of windows) {
    await expect
      .poll(() => lastPanes(topic, TO), { timeout: 15_000, message: topic })
      .toEqual(recomputed(all, windowsOf))
    expect(await eventsOf(`${topic}.late`, TO)).toEqual([])
  }

  // Each hot reading once, and each command.
  const isHot = ({ data: { v } }: Reading) => v > 8
  const expected = new Map<string, number>()
  for (const reading of all.filter(isHot)) expected.set(sensorOf(reading), (expected.get(sensorOf(reading)) ?? 0) + 1)
  for (let n = 0; n < 120; n++) expected.set(`s${n % SENSORS}`, (expected.get(`s${n % SENSORS}`) ?? 0) + n)
  for (const [sensor, n] of expected) {
    for (const [entity, key] of [
      ['tally', sensor],
      ['echo', `echo-${sensor}`],
    ] as const) {
      const entities = entitiesOf(redis, partitionOf(key, TO))
      const stateOf = async () => {
        const [found] = await entities.load(entity, [key])
        const trail = await entities.trail(entity, key, 0, found!.length)
        const folded = trail.reduce((sum, line) => sum + Number(/"n":(\d+)/.exec(line)?.[1] ?? 0), 0)
        return { record: found!.record?.match(/"n":(\d+)/)?.[1], folded }
      }
      await expect.poll(stateOf, { message: key }).toEqual({ record: `${n}`, folded: n })
    }
    const indexed = await entitiesOf(redis, partitionOf(sensor, TO)).indexed('tally', 'n', `${n}`, { count: 100 })
    expect(indexed.keys).toContain(sensor)
  }

  // Every event once, in the order of its key, and nothing is missing.
  const delivered = () => [...seen.values()].flat().sort()
  await expect.poll(delivered).toEqual(all.map(({ id }) => id).sort())
  for (const [name, ids] of seen) {
    const ofLane = stored.filter(({ key, id }) => key === name.split(' ')[0] && ids.includes(id)).map(({ id }) => id)
    expect([name, ids]).toEqual([name, ofLane])
  }
  expect(gaps).toEqual([])
}, 60_000)

it('D-RESUME-13 an event stream resumes behind its last event; what was lost before the partitions were divided is told in each of them', async () => {
  const before = await start(FROM)
  const client = createClient<typeof config>({ url: before.url })
  cleanups.push(() => client.close({ deadlineMs: 0 }))
  const url = `${before.url}/v1/stream?topic=g.reading`
  const got: string[] = []
  const take = async (stream: EventStream, count: number) => {
    while (got.length < count) {
      const { parts } = (await stream.nextOf('batch')).data as { parts: { events: { id: string }[] }[] }
      for (const { events } of parts) got.push(...events.map(({ id }) => id))
    }
  }
  const stream = await EventStream.open(url)
  cleanups.push(() => stream.close())
  await stream.nextOf('subscribed')
  for (let at = 0; at < 60; at += 10) await client.publish('g.reading', readings(at, at + 10))
  await take(stream, 25)
  expect(got.length).toBeLessThan(60)
  await before.close()
  const epoch = await redis.hget(keys.meta(0), 'epoch')
  const [[lastId]] = (await redis.xrevrange(keys.log(0, 'g.reading'), '+', '-', 'COUNT', 1)) as [[string, string[]]]
  expect(await grow(`${TO}`)).toMatchObject({ code: 0 })
  await start(TO, before.port)

  await client.publish('g.reading', readings(60, 100))
  const resumed = await EventStream.open(url, { 'last-event-id': stream.lastId! })
  cleanups.push(() => resumed.close())
  expect(await resumed.nextOf('subscribed')).toMatchObject({ data: { recovered: true } })
  await take(resumed, 100)
  expect(got.sort()).toEqual(
    readings(0, 100)
      .map(({ id }) => id)
      .sort(),
  )

  const lost = [`0@${epoch}/${Number.parseInt(lastId, 10) + 1}-0.3`]
  const gaps: Gap[] = []
  client
    .subscribe('g.reading', { from: { positions: { 'g.reading': { high: lost, normal: lost, low: lost } } } }, () => {})
    .onGap((gap) => gaps.push(gap))
  const told = () => gaps.filter(({ reason }) => reason === 'epoch').map(({ upTo }) => parsePosition(upTo)!.partition)
  await expect.poll(() => [...new Set(told())].sort()).toEqual([0, 2, 4, 6])
})

/** A deployment that has stored some readings and is stopped. */
async function stored(count: number): Promise<void> {
  const running = await start(FROM)
  const client = createClient<typeof config>({ url: running.url })
  await client.publish('g.reading', readings(0, count))
  await client.close({ deadlineMs: 0 })
  await running.close()
}

const idsOf = async (partitions: number) => (await eventsOf('g.reading', partitions)).map(({ id }) => id).sort()

it('X-GROW-2 DOC-ERROR-1 killed in the middle and run again, it ends in the same; the doctor says so', async () => {
  await stored(500)
  const before = await idsOf(FROM)
  const growing = new TidegateProcess(['partitions', 'grow', `${TO}`], { REDIS_URL: server.url })
  while ((await redis.hget(keys.cluster, 'growth')) === null && !growing.hasEnded) await sleep(1)
  expect(await growing.stop('SIGKILL')).toMatchObject({ signal: 'SIGKILL' })
  expect(await grow(`${TO}`, '--dry-run')).toMatchObject({ code: 1, err: expect.stringContaining('are being divided') })
  const doctor = await runCommand('doctor')
  expect(doctor.out).toMatch(/error growth-unfinished/)
  expect(doctor.out).not.toMatch(/no-worker/)
  expect(await grow(`${TO}`)).toMatchObject({ code: 0 })
  expect(await idsOf(TO)).toEqual(before)
})

it('X-GROW-3 X-GROW-4 it says what it would do, undoes what was not decided, and refuses what cannot be', async () => {
  await stored(100)
  const before = await redis.hgetall(keys.cluster)
  const dry = await grow('4', '--dry-run')
  expect(dry.out).toMatch(
    /^2 partitions would be 4: [\d,]+ entries, .* The copies take about .* meanwhile; Redis has no maxmemory\.$/m,
  )
  const json = JSON.parse((await grow('4', '--dry-run', '--json')).out)
  expect(json).toMatchObject({
    from: 2,
    to: 4,
    stored: expect.any(Number),
    needed: expect.any(Number),
    ms: expect.any(Number),
  })
  // Presence is stored, and not copied: less may be needed than is stored.
  expect(json.needed).toBeGreaterThan(json.stored / 2)
  expect((await grow('4', '--abort')).out).toBe('nothing is to be undone\n')
  expect(await redis.hgetall(keys.cluster)).toEqual(before)

  expect(await grow('5')).toMatchObject({ code: 1, err: expect.stringContaining('choose a multiple, such as 4 or 8') })
  for (const args of [[], ['many'], ['0'], ['4', 'now'], ['4', '--dry-run', '--abort'], ['4', '--dry']]) {
    expect([args, (await grow(...args)).code]).toEqual([args, 2])
  }
  expect((await runCommand('partitions', '--help')).out).toContain('tidegate partitions grow 32 --dry-run')

  const redisUrl = server.url
  const mistaken = startWorker({ redisUrl, partitions: 4, workerId: 'w', log: () => {} }, config.contract)
  await expect(mistaken).rejects.toThrow('`tidegate partitions grow` gives stored data more.')
  const grown = await grow('4')
  expect(grown.out).toMatch(
    /^2 partitions are 4 now: .*\nStart workers, then gateways, with TIDEGATE_PARTITIONS=4\.\n$/,
  )
})

it('X-GROW-1 X-GROW-4 in the data folder of a `tidegate start` that does not run it starts the Redis of that', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-grow-'))
  cleanups.push(() => rm(folder, { recursive: true }))
  const open = async () => PrivateRedis.open({ binary: await redisBinary(), dataFolder: folder })
  const before = await open()
  await (await start(FROM, 0, before.url)).close()
  const growing = () => runCommand('partitions', 'grow', '4', '--data', folder)
  expect(await growing()).toMatchObject({ code: 1, err: expect.stringContaining('in use by another Tidegate') })
  await before.close({ deadlineMs: 5_000 })
  expect(await growing()).toMatchObject({ code: 0 })
  const after = await open()
  cleanups.push(() => after.close({ deadlineMs: 5_000 }))
  await (await start(4, 0, after.url)).close()
})
