import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { z } from 'zod'
import { keys } from '../../src/bus/keys.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { command } from '../support/redis.ts'
import { until } from '../support/tidegate-process.ts'
import { readExposition, type Sample } from './exposition.ts'
import { findPromtool, type InputSeries, STEP_S, testRules } from './promtool.ts'

const promtool = await findPromtool()
const PARTITIONS = 2
/** It is well for ten minutes, and then ill for twenty. */
const WELL = 40
const ILL = 80
const NOW = `${(WELL + ILL) * STEP_S}s`
/** As the rule about partitions says. */
const HEARD_WITHIN_S = 10
/** Longer than a partition may be unheard of. */
const UNHEARD_MS = (HEARD_WITHIN_S + 1) * 1_000

const reading = topic('a.reading', { schema: z.object({ id: z.string(), v: z.number() }), key: 'id' })
const checked = reading
  .map((event) => {
    if (event.v < 0) throw new Error('below zero')
    return event
  })
  .to('a.checked', { version: 1 })
const { contract } = defineConfig({ topics: [reading, checked] })

/** By series, of all processes. */
type Values = ReadonlyMap<string, { readonly sample: Sample; readonly isCounter: boolean }>

describe.skipIf(promtool === undefined)('alerts of a deployment', () => {
  let server: TestGateway
  let worker: RunningWorker | undefined

  const redis = (...words: [string, ...string[]]) => command(server.redis.url, ...words)

  const publish = (v: number) =>
    fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic: 'a.reading', data: { id: `k-${v}`, v } }),
    })

  async function startedWorker(): Promise<RunningWorker> {
    const ops = { host: '127.0.0.1', port: 0, hosts: [] }
    return startWorker(
      { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'w-1', log: () => {}, ops },
      contract,
    )
  }

  /** What Prometheus gets now. */
  async function scrape(): Promise<Values> {
    const values = new Map<string, { sample: Sample; isCounter: boolean }>()
    const targets = [
      { job: 'tidegate-gateway', instance: 'g-1', port: server.port },
      { job: 'tidegate-worker', instance: 'w-1', port: worker?.metricsPort },
    ]
    for (const { job, instance, port } of targets) {
      const keep = (sample: Sample, isCounter: boolean) => {
        const labels = Object.entries({ ...sample.labels, job, instance }).map(([name, value]) => `${name}="${value}"`)
        values.set(`${sample.name}{${labels.sort()}}`, { sample, isCounter })
      }
      keep({ name: 'up', labels: {}, value: Number(port !== undefined) }, false)
      if (port === undefined) continue
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
      for (const { type, samples } of readExposition(await answer.text()).values()) {
        for (const sample of samples) keep(sample, type !== 'gauge')
      }
    }
    return values
  }

  async function expectAlerts(expected: readonly string[], well: Values, ill: Values): Promise<void> {
    const exp_samples = expected.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 }))
    const expr = 'count by (alertname) (ALERTS{alertstate="firing"}) > bool 0'
    await testRules(promtool, [
      { input_series: seriesOf(well, ill), promql_expr_test: [{ expr, eval_time: NOW, exp_samples }] },
    ])
  }

  beforeAll(async () => {
    server = await startTestGateway(contract, { partitions: PARTITIONS })
    worker = await startedWorker()
    await until(async () => {
      const readiness = [server.port, worker!.metricsPort!].map((port) => fetch(`http://127.0.0.1:${port}/readyz`))
      const areReady = (await Promise.all(readiness)).every(({ ok }) => ok)
      const text = await (await fetch(`http://127.0.0.1:${worker!.metricsPort}/metrics`)).text()
      return areReady && text.includes(`tidegate_owned_partitions ${PARTITIONS}\n`) && text.includes('aof_enabled{')
    }, 'everything is owned and measured')
  })
  afterAll(async () => {
    await worker?.close({ deadlineMs: 1_000 })
    await server.close()
  })

  it('M-ALERT-2 none of one that is well and busy', async () => {
    const before = await scrape()
    for (let n = 0; n < 20; n++) await publish(n)
    await expectAlerts([], before, await scrape())
  })

  it('M-ALERT-2 code that throws, a record batch that nobody can read', async () => {
    const before = await scrape()
    await publish(-1)
    const epoch = String(await redis('HGET', keys.meta(0), 'epoch'))
    await redis('XADD', keys.log(0, 'a.reading'), '*', 'e', epoch, 'h', '{', 'd', '{"id":"e"}')
    await until(async () => {
      const now = await scrape()
      const [letters, unreadable] = ['tidegate_dead_letters_total', 'tidegate_unreadable_batches_total'].map((name) =>
        [...now.values()].find(({ sample }) => sample.name === name),
      )
      return letters!.sample.value === 1 && unreadable!.sample.value === 1
    }, 'both were met')
    await expectAlerts(['TidegateDeadLetters', 'TidegateUnreadable'], before, await scrape())
  })

  it('M-ALERT-2 a Redis without its file, with little memory and few connections left', async () => {
    const before = await scrape()
    const info = String(await redis('INFO', 'everything'))
    const figure = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(info)![1])
    const limits = ['maxmemory', `${Math.round(figure('used_memory') / 0.75)}`]
    const most = Math.floor(figure('connected_clients') / 0.85)
    await redis('CONFIG', 'SET', 'appendonly', 'no', ...limits, 'maxclients', `${most}`)
    try {
      const expected = ['TidegateRedisConnections', 'TidegateRedisFull', 'TidegateRedisPersistenceOff']
      await expectAlerts(expected, before, await scrape())
    } finally {
      await redis('CONFIG', 'SET', 'appendonly', 'yes', 'maxmemory', '0', 'maxclients', '10000')
    }
  })

  it('M-ALERT-2 a Redis that hangs', async () => {
    const before = await scrape()
    process.kill(server.redis.pid, 'SIGSTOP')
    try {
      await Promise.all([
        sleep(UNHEARD_MS),
        until(async () => (await publish(1)).status === 503, 'publishes are refused'),
      ])
      const expected = ['BreakerOpen', 'NotReady', 'PartitionUnreachable', 'PublishesRejected']
      await expectAlerts(
        expected.map((name) => `Tidegate${name}`),
        before,
        await scrape(),
      )
    } finally {
      process.kill(server.redis.pid, 'SIGCONT')
    }
  })

  it('M-ALERT-2 no worker', async () => {
    await until(async () => {
      const ages = [...(await scrape()).values()].filter(({ sample }) => sample.name === 'tidegate_canary_age_seconds')
      const areHeard = ages.every(({ sample }) => sample.value <= HEARD_WITHIN_S)
      return areHeard && (await fetch(`${server.url}/readyz`)).ok
    }, 'the gateway is ready again, and hears of every partition')
    const before = await scrape()
    await worker!.close({ deadlineMs: 1_000 })
    worker = undefined
    await expectAlerts(['TidegatePartitionsWithoutOwner', 'TidegateProcessDown'], before, await scrape())
  })
})

/**
 * Values as they were, then as they are: a counter continues to grow each time by what it has grown, and what has no value any more
 * has ended.
 */
function seriesOf(well: Values, ill: Values): InputSeries[] {
  const series = [...new Set([...well.keys(), ...ill.keys()])]
  return series.map((name) => {
    if (name.startsWith('tidegate_time_seconds')) return { series: name, values: `0+${STEP_S}x${WELL + ILL}` }
    const before = well.get(name)
    const after = ill.get(name)
    const from = before?.sample.value
    const to = after?.sample.value
    const growth = after?.isCounter && from !== undefined && to! > from ? to! - from : 0
    const first = from === undefined ? `_x${WELL}` : `${from}+0x${WELL}`
    return { series: name, values: `${first} ${to === undefined ? `stale _x${ILL - 1}` : `${to}+${growth}x${ILL}`}` }
  })
}
