import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { type EventBody, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { decodeOffsets } from '../../src/fold/progress.ts'
import { TidegateProcess, until } from '../support/tidegate-process.ts'
import { useRedis } from '../support/use-redis.ts'
import { Deployment, PARTITIONS, type Reading, readings } from '../support/workers.ts'

const configOf = (name: string) => fileURLToPath(new URL(`./fixtures/backfill-${name}.config.ts`, import.meta.url))
const KEYS = 400
const GAP_MS = 900
const { server, redis } = await useRedis()
const deployment = new Deployment(redis)
let processes: TidegateProcess[] = []

afterEach(async () => {
  await Promise.all(processes.map((process) => process.stop('SIGKILL')))
  processes = []
})

function run(...args: readonly string[]): TidegateProcess {
  const environment = {
    REDIS_URL: server.url,
    TIDEGATE_PARTITIONS: `${PARTITIONS}`,
    TIDEGATE_NODE: `n-${processes.length}`,
  }
  const process = new TidegateProcess(args, environment)
  processes.push(process)
  return process
}

async function startWorker(config: string): Promise<TidegateProcess> {
  const worker = run('worker', '--config', configOf(config))
  await worker.ready()
  return worker
}

/** Waits until everything in the logs is committed. */
async function untilRead(): Promise<void> {
  await until(async () => {
    const behind = Array.from({ length: PARTITIONS }, async (_, partition) => {
      const [last] = await redis.xrevrange(keys.log(partition, 'a.reading'), '+', '-', 'COUNT', 1)
      const read = decodeOffsets((await redis.hget(keys.meta(partition), 'offsets')) ?? '').get('a.reading')
      return last?.[0] !== read
    })
    return !(await Promise.all(behind)).includes(true)
  }, 'everything is committed')
}

/** Two fields of a ledger of each partition. */
const ledgers = (window: string) =>
  Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) =>
      redis.hmget(keys.backfill(partition, window), 'status', 'commitSeq'),
    ),
  )

const nameOf = ({ key, start, end }: Pane) => `${key}/${start}-${end}`

/** Panes that hold in the end. @throws when one is there twice. */
function held(events: readonly EventBody[], before: number): Map<string, unknown> {
  const panes = new Map<string, unknown>()
  for (const { data } of events) {
    const pane = data as Pane
    if (pane.start >= before) continue
    expect([nameOf(pane), panes.has(nameOf(pane))]).toEqual([nameOf(pane), false])
    panes.set(nameOf(pane), pane.value)
  }
  return panes
}

type Span = readonly [start: number, end: number, values: number[]]

function valuesOf(spans: Map<string, Span[]>): Map<string, unknown> {
  return new Map(
    [...spans].flatMap(([key, list]) =>
      list.map(([start, end, values]) => [
        `${key}/${start}-${end}`,
        { sum: values.reduce((a, b) => a + b, 0), count: values.length },
      ]),
    ),
  )
}

function tumbling(events: readonly Reading[]): Map<string, unknown> {
  const spans = new Map<string, Span[]>()
  for (const { key, time, v } of events) {
    const start = Math.floor(time / 1_000) * 1_000
    const list = spans.get(key) ?? []
    spans.set(key, list)
    const span = list.find(([found]) => found === start)
    if (span === undefined) list.push([start, start + 1_000, [v]])
    else span[2].push(v)
  }
  return valuesOf(spans)
}

function sessions(events: readonly Reading[]): Map<string, unknown> {
  const spans = new Map<string, Span[]>()
  for (const { key, time, v } of [...events].sort((a, b) => a.time - b.time)) {
    const list = spans.get(key) ?? []
    spans.set(key, list)
    const last = list.at(-1)
    if (last !== undefined && time < last[1]) list[list.length - 1] = [last[0], time + GAP_MS, [...last[2], v]]
    else list.push([time, time + GAP_MS, [v]])
  }
  return valuesOf(spans)
}

it('W-BACKFILL-1 W-BACKFILL-3 X-BACKFILL-3 X-BACKFILL-4 give with the live window what one over all events would, each pane once, though workers are killed', async () => {
  const all = readings(16_000, 40_000).map((reading, n) => ({ ...reading, key: `k-${n % KEYS}` }))
  const close = Math.ceil(all.at(-1)!.time / 1_000) * 1_000 + 3_600_000
  const closers = Array.from({ length: 40 }, (_, n) => ({ id: `c-${n}`, key: `c-${n}`, time: close, v: 0 }))
  expect(new Set(closers.map(({ key }) => partitionOf(key, PARTITIONS))).size).toBe(PARTITIONS)
  const publish = async (events: readonly Reading[]) => {
    for (let from = 0; from < events.length; from += 800) await deployment.publish(events.slice(from, from + 800))
  }
  const old = await startWorker('before')
  await publish(all.slice(0, 12_000))
  await untilRead()
  await old.stop('SIGTERM')
  // Else the next ones wait until the claim of the old config has expired.
  await redis.del(keys.contractLive)

  const first = await startWorker('after')
  await publish([...all.slice(12_000), ...closers])
  await untilRead()

  const begin = (window: string) =>
    run('window', 'backfill', window, '--from', 'earliest', '--config', configOf('after'))
  const begun = begin('a.1s')
  // Over within a second: between two looks there must be no pause.
  while (!(await ledgers('a.1s')).some(([status, commits]) => status === 'open' && Number(commits) > 0));
  await first.stop('SIGKILL')
  begun.child.kill('SIGINT')
  expect(await begun.ended).toMatchObject({ code: 130 })
  expect(begun.output).toContain('The workers continue it.')
  expect((await ledgers('a.1s')).some(([status]) => status === 'open')).toBe(true)
  await startWorker('after')
  for (const [window, expected] of [
    ['a.1s', tumbling(all)],
    ['a.session', sessions(all)],
  ] as const) {
    const joined = begin(window)
    const { code } = await joined.ended
    expect([code, joined.output]).toEqual([0, expect.stringMatching(/^done in .* panes of .* events$|filled/m)])
    expect(held(await deployment.eventsOf(window), close)).toEqual(expected)
    expect(await deployment.eventsOf(`${window}.late`)).toEqual([])
  }
  const again = begin('a.1s')
  expect(await again.ended).toEqual({ code: 0, signal: null })
  expect(again.output).toContain('has been filled in that range already')
  expect(await redis.keys('*:fill:*:win:*')).toEqual([])
  expect(await redis.smembers(keys.backfills)).toEqual([])
}, 90_000)
