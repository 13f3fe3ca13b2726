import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { alertRules, DASHBOARD, RUNBOOK_BASE } from '../../../scripts/pages/metrics.ts'
import { PAGES } from '../../../scripts/pages/pages.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { startGateway } from '../../src/gateway-app.ts'
import { defineConfig, entity, topic } from '../../src/index.ts'
import { METRICS, PROCESS_METRICS, type Role } from '../../src/observability/metric-names.ts'
import { SupervisorMetrics } from '../../src/observability/supervisor-metrics.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/tidegate-process.ts'
import { type Exported, readExposition } from './exposition.ts'
import { readExpression } from './promql.ts'

const PARTITIONS = 4
/** Of everything that a client chooses. */
const MARKER = 'zebra'
/** What Prometheus itself adds. */
const OF_PROMETHEUS = ['job', 'instance']

const reading = topic('a.reading', {
  schema: z.object({ id: z.string(), v: z.number() }),
  key: 'id',
  presence: true,
})
const fleet = reading.window('a.fleet', { tumbling: '1h', watermark: 'key', aggregate: { sum: { sum: 'v' } } })
const all = reading.window('a.all', { tumbling: '1h', groupBy: null, aggregate: { sum: { sum: 'v' } } })
const counter = entity('counter', {
  key: 'id',
  version: 1,
  state: { initial: { n: 0 as number } },
  events: { added: z.object({ n: z.number() }) },
  evolve: { added: (state, { n }) => ({ n: state.n + n }) },
  commands: { add: { input: z.object({ n: z.number() }), decide: (_, { n }) => [{ type: 'added', data: { n } }] } },
})
const { contract } = defineConfig({ topics: [reading, fleet, all], entities: [counter] })

let server: TestGateway
let second: Awaited<ReturnType<typeof startGateway>>
const workers: RunningWorker[] = []
const clients: RawClient[] = []
/** Of each process. */
let exported: { readonly role: Role; readonly metrics: Map<string, Exported> }[] = []

const textOf = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()

async function scrape(): Promise<typeof exported> {
  const supervisor = new SupervisorMetrics('n', () => [{ name: 'redis', isReady: true, restarts: 2 }])
  const texts: [Role, string][] = [
    ['gateway', await textOf(server.port)],
    ['gateway', await textOf(second.port)],
    ['supervisor', await supervisor.render()],
  ]
  for (const { metricsPort } of workers) texts.push(['worker', await textOf(metricsPort!)])
  return texts.map(([role, text]) => ({ role, metrics: readExposition(text) }))
}

const samples = (name: string, of = exported) =>
  of.flatMap(({ metrics }) => metrics.get(name)?.samples ?? []).map(({ labels, value }) => ({ labels, value }))
const sum = (name: string, of = exported) => samples(name, of).reduce((total, { value }) => total + value, 0)

const published = { events: 0, frames: 0 }

async function publish(port: number, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, n) => ({
    topic: 'a.reading',
    source: `${MARKER}-s`,
    data: { id: `${MARKER}-${n}`, v: n },
  }))
  const answer = await fetch(`http://127.0.0.1:${port}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  })
  if (!answer.ok) throw new Error(await answer.text())
  published.events += count
  published.frames++
}

async function subscribe(port: number, from: string): Promise<RawClient> {
  const client = await RawClient.greeted(port)
  clients.push(client)
  client.send({ type: 'subscribe', sub: 1, topic: 'a.reading', from })
  await client.next('subscribed')
  return client
}

beforeAll(async () => {
  server = await startTestGateway(contract, { partitions: PARTITIONS })
  const shared = { redisUrl: server.redis.url, partitions: PARTITIONS }
  const ops = { host: '127.0.0.1', port: 0, hosts: [] }
  for (const workerId of ['w-1', 'w-2']) {
    workers.push(await startWorker({ ...shared, workerId, log: () => {}, ops }, contract))
  }
  second = await startGateway(
    { ...shared, host: '127.0.0.1', port: 0, sharedPort: false, node: 'g-2', delivery: DELIVERY_LIMITS, onDefect() {} },
    contract,
  )
  await Promise.all([subscribe(server.port, 'now'), subscribe(second.port, 'now')])
  await fetch(`${server.url}/v1/entities/counter/${MARKER}/add`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ n: 1 }),
  })
  await until(async () => {
    exported = await scrape()
    // Clocks are idle, and hold nothing back, soon after their last events.
    const hasActive = samples('tidegate_window_slowest_source_seconds').length > 0
    if (!hasActive) await publish(server.port, 20)
    return (
      hasActive &&
      sum('tidegate_folded_events_total') === published.events &&
      sum('tidegate_owned_partitions') === PARTITIONS &&
      samples('tidegate_lag_entries').length === PARTITIONS &&
      samples('tidegate_redis_memory_used_bytes').length === 1 &&
      sum('tidegate_presence_subjects') === 2
    )
  }, 'everything is folded, owned and measured')
})
afterAll(async () => {
  for (const client of clients) client.close()
  await Promise.all(workers.map((worker) => worker.close({ deadlineMs: 1_000 })))
  await second.close({ deadlineMs: 100 })
  await server.close()
})

describe('metrics', () => {
  test('M-NAME-1 names - counters alone end in _total, units are seconds and bytes and come last', () => {
    for (const { metrics } of exported) {
      for (const { name, type, help } of metrics.values()) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
        expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
        const unit = /_(ms|millis\w*|micros\w*|nanos\w*|minutes?|hours?|kb|kib|mb|mib|percent|s)(_|$)/.exec(name)
        expect([name, unit]).toEqual([name, null])
        const bare = name.replace(/_total$/, '')
        if (/(seconds|bytes)/.test(bare)) expect(bare).toMatch(/_(seconds|bytes)$/)
        expect([name, type === 'histogram' && !/_seconds$/.test(name)]).toEqual([name, false])
        expect([name, help.length > 10, /[`[]/.test(help)]).toEqual([name, true, false])
      }
    }
  })

  test('M-NAME-2 each process - exports the metrics of its role with the labels that are documented', () => {
    for (const { role, metrics } of exported) {
      const ofRole = Object.values(METRICS).filter(({ of }) => (of as readonly Role[]).includes(role))
      const own = [...metrics.keys()].filter((name) => name.startsWith('tidegate_'))
      expect(own.sort()).toEqual(ofRole.map(({ name }) => name).sort())
      for (const { name, type, labels } of ofRole) {
        const found = metrics.get(name)!
        expect([name, found.type]).toEqual([name, type])
        for (const sample of found.samples) {
          const given = Object.keys(sample.labels).filter((label) => !(type === 'histogram' && label === 'le'))
          expect([name, given.sort()]).toEqual([name, Object.keys(labels).sort()])
        }
      }
      const foreign = [...metrics.keys()].filter((name) => !/^(tidegate|nodejs|process)_/.test(name))
      expect(foreign).toEqual([])
      expect(Object.keys(PROCESS_METRICS).filter((name) => !metrics.has(name))).toEqual([])
    }
  })

  test('M-NAME-2 every metric - has a value in some process', () => {
    const silent = Object.values(METRICS).filter(({ name }) => samples(name).length === 0)
    expect(silent.map(({ name }) => name)).toEqual([])
  })

  test('M-NAME-2 names in the documentation - are of metrics that exist', () => {
    const known = new Set<string>(Object.values(METRICS).map(({ name }) => name))
    const named = PAGES.filter((path) => path !== 'CHANGELOG.md').flatMap((path) =>
      [...readFileSync(join(REPOSITORY, path), 'utf8').matchAll(/\btidegate_\w+/g)].map(([name]) => `${path}: ${name}`),
    )
    expect(named.length).toBeGreaterThan(50)
    expect(named.filter((place) => !known.has(place.split(': ')[1]!))).toEqual([])
  })

  test('M-LABEL-1 labels - hold nothing that a client has chosen', async () => {
    const texts = await Promise.all([server.port, ...workers.map(({ metricsPort }) => metricsPort!)].map(textOf))
    expect(texts.filter((text) => text.includes(MARKER))).toEqual([])
    expect(samples('tidegate_window_slowest_source_seconds').length).toBeGreaterThan(0)
  })

  test('M-ONCE-1 what belongs to the deployment - is exported once, with two gateways and two workers', () => {
    const perPartition = Object.values(METRICS).filter(
      ({ labels, of }) => 'partition' in labels && (of as readonly Role[]).includes('worker'),
    )
    expect(perPartition.length).toBeGreaterThan(4)
    for (const { name } of perPartition) {
      const places = samples(name).map(({ labels }) => JSON.stringify(labels))
      expect([name, new Set(places).size]).toEqual([name, places.length])
    }
    expect(samples('tidegate_lag_seconds').map(({ labels }) => labels.partition)).toHaveLength(PARTITIONS)
    for (const { name } of Object.values(METRICS).filter(({ name }) => name.startsWith('tidegate_redis_aof_size'))) {
      expect(samples(name)).toHaveLength(1)
    }
    expect(sum('tidegate_folded_events_total')).toBe(published.events)
    expect(sum('tidegate_connections')).toBe(2)
    expect(sum('tidegate_presence_connections')).toBe(2)
    expect(sum('tidegate_presence_subjects')).toBe(2)
    expect(samples('tidegate_publish_frames_total').filter(({ labels }) => labels.outcome === 'ack')).toEqual([
      { labels: { outcome: 'ack' }, value: published.frames },
      { labels: { outcome: 'ack' }, value: 0 },
    ])
  })
})

describe('latencies', () => {
  /** Of the first gateway, at one moment. */
  async function observed() {
    const metrics = readExposition(await textOf(server.port))
    const countOf = (name: string) =>
      metrics.get(name)!.samples.find((sample) => sample.name === `${name}_count`)!.value
    const fates = metrics.get('tidegate_delivery_events_total')!.samples
    return {
      appends: countOf('tidegate_publish_to_store_seconds'),
      frames: countOf('tidegate_store_to_socket_seconds'),
      stamped: countOf('tidegate_source_to_socket_seconds'),
      delivered: fates.reduce((total, { labels, value }) => total + (labels.outcome === 'delivered' ? value : 0), 0),
    }
  }

  it('M-LATENCY-1 an append and a frame are one observation each, however many events they hold', async () => {
    await until(async () => (await observed()).delivered === published.events, 'everything so far is delivered')
    const before = await observed()
    await publish(server.port, 50)
    await until(async () => (await observed()).delivered === published.events, 'the rest is delivered')
    const after = await observed()
    for (const what of ['appends', 'frames'] as const) {
      expect(after[what]).toBeGreaterThan(before[what])
      expect(after[what] - before[what]).toBeLessThanOrEqual(PARTITIONS)
    }
    expect(after.stamped).toBe(after.frames)
  })

  it('M-LATENCY-1 they are times of this moment: none takes longer than the test has', async () => {
    for (const name of ['publish_to_store', 'store_to_socket', 'source_to_socket']) {
      const metric = readExposition(await textOf(server.port)).get(`tidegate_${name}_seconds`)!
      const ofSum = metric.samples.find((sample) => sample.name.endsWith('_sum'))!.value
      const ofCount = metric.samples.find((sample) => sample.name.endsWith('_count'))!.value
      expect(ofSum / ofCount).toBeGreaterThan(0)
      expect(ofSum / ofCount).toBeLessThan(2)
    }
  })

  it('M-LATENCY-2 a replay is not observed', async () => {
    const { frames } = await observed()
    const late = await subscribe(server.port, 'earliest')
    await late.next('batch')
    expect((await observed()).frames).toBe(frames)
  })
})

interface PlacedExpression {
  readonly place: string
  readonly expr: string
  /** Labels that texts beside it show. */
  readonly shown: readonly string[]
}

const labelsIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, label]) => label!)

function dashboardExpressions(): PlacedExpression[] {
  interface Panel {
    readonly title: string
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
  }
  const { panels } = JSON.parse(readFileSync(join(REPOSITORY, DASHBOARD), 'utf8')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      place: `${title}: ${expr}`,
      expr,
      shown: labelsIn(legendFormat, /\{\{(\w+)\}\}/g),
    })),
  )
}

const alertExpressions = (): PlacedExpression[] =>
  alertRules().map(({ alert, expr, annotations }) => ({
    place: alert,
    expr,
    shown: labelsIn(Object.values(annotations).join(' '), /\$labels\.(\w+)/g),
  }))

describe('alert rules and dashboard', () => {
  const samplesOf = (name: string) =>
    exported
      .flatMap(({ metrics }) => metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, '')) ?? [])
      .flatMap(({ samples }) => samples)

  test.each([
    ['alert rules', alertExpressions],
    ['dashboard', dashboardExpressions],
  ])('%s - name metrics, labels and values that a deployment has', (_, expressions) => {
    for (const { place, expr, shown } of expressions()) {
      const { selectors, grouping } = readExpression(expr)
      expect([place, selectors.length > 0]).toEqual([place, true])
      const labels = new Set(OF_PROMETHEUS)
      for (const { metric, matchers } of selectors) {
        // Of Prometheus itself.
        if (metric === 'up') continue
        const found = samplesOf(metric)
        expect([place, metric, found.length > 0]).toEqual([place, metric, true])
        for (const sample of found) for (const label of Object.keys(sample.labels)) labels.add(label)
        for (const { label, values } of matchers.filter(({ label }) => !OF_PROMETHEUS.includes(label))) {
          const known = new Set(found.map((sample) => sample.labels[label]))
          expect([place, label, values.filter((value) => !known.has(value))]).toEqual([place, label, []])
        }
      }
      expect([place, [...grouping, ...shown].filter((label) => !labels.has(label))]).toEqual([place, []])
    }
  })

  test('alerts - have a severity, a summary and what to do, and names of their own', () => {
    const rules = alertRules()
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Tidegate[A-Z]\w+$/)
      expect(['critical', 'warning', 'info']).toContain(labels.severity)
      expect(annotations.summary.length).toBeGreaterThan(10)
      expect(annotations.description).toMatch(/\.$/)
      const page = annotations.runbook_url.replace(RUNBOOK_BASE, '')
      expect(PAGES, alert).toContain(page)
      if (page.startsWith('docs/runbook/')) expect(readFileSync(join(REPOSITORY, page), 'utf8'), page).toContain(alert)
    }
  })

  test('readExpression - finds metrics, matchers and groups', () => {
    expect(readExpression('max by (a, b) (rate(x_total{c=~"d|e",f!="g"}[5m])) / on (a) y > 0.5 and z')).toEqual({
      selectors: [
        {
          metric: 'x_total',
          matchers: [
            { label: 'c', values: ['d', 'e'] },
            { label: 'f', values: ['g'] },
          ],
        },
        { metric: 'y', matchers: [] },
        { metric: 'z', matchers: [] },
      ],
      grouping: ['a', 'b', 'a'],
    })
  })
})
