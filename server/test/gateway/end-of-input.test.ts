import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { EventBody } from '../../src/bus/index.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useWorkers } from '../support/use-workers.ts'

const PARTITIONS = 4
const HOUR = 3_600_000
const BEGIN = Date.UTC(2014, 0, 1)

const reading = topic('mill.reading', { schema: z.object({ machine: z.string(), v: z.number() }), key: 'machine' })
const late = { outOfOrderness: '10m', allowedLateness: '0s' } as const
const hourly = reading.window('mill.hour', { ...late, tumbling: '1h', aggregate: { sum: { sum: 'v' }, n: 'count' } })
const all = reading.window('mill.all', { ...late, tumbling: '1h', groupBy: null, aggregate: { n: 'count' } })
const daily = hourly.window('mill.day', { ...late, tumbling: '24h', aggregate: { sum: { sum: 'value.sum' } } })
const allDay = all.window('mill.all_day', { ...late, tumbling: '24h', aggregate: { n: { sum: 'value.n' } } })
const { contract } = defineConfig({ topics: [reading, hourly, all, daily, allDay] })

const server = await useGateway(contract, { partitions: PARTITIONS })
const workers = useWorkers(server.redis.url, PARTITIONS, contract)

interface Line {
  readonly id: string
  readonly time: number
  readonly data: { readonly machine: string; readonly v: number }
}

/** A file of four machines and two days, whose clocks step back five minutes once. */
const FILE: readonly Line[] = Array.from({ length: 576 }, (_, n) => ({
  id: `r-${n}`,
  time: BEGIN + n * 300_000 - (n > 300 ? 300_000 : 0),
  data: { machine: `m-${n % 4}`, v: n % 64 },
}))

const startOf = (time: number, size: number) => Math.floor(time / size) * size

function recompute(groupOf: (line: Line) => string, totalOf: (lines: readonly Line[]) => object) {
  const groups = new Map<string, Line[]>()
  for (const line of FILE) groups.set(groupOf(line), [...(groups.get(groupOf(line)) ?? []), line])
  return Object.fromEntries([...groups].sort().map(([group, lines]) => [group, totalOf(lines)]))
}

const sumOf = (lines: readonly Line[]) => lines.reduce((sum, { data }) => sum + data.v, 0)

async function eventsOf(name: string): Promise<EventBody[]> {
  const pages = Array.from({ length: PARTITIONS }, async (_, partition) => {
    const answer = await fetch(`${server.url}/v1/history?topic=${name}&partition=${partition}&limit=1000`)
    return ((await answer.json()) as { events: EventBody[] }).events
  })
  return (await Promise.all(pages)).flat()
}

/** Each pane once: an id that comes twice shows as another number of panes. */
async function panesOf(name: string) {
  const panes = (await eventsOf(name)).map(({ data }) => data as Pane)
  return Object.fromEntries(panes.map(({ key, start, value }) => [`${key} ${start}`, value] as const).sort())
}

function post(path: string, body: unknown, key?: string) {
  const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) }
  return fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

describe('a file that is replayed and ended', () => {
  it('W-END-1 W-END-6 I-END-1 Q-WINDOW-3 gives every window of an offline recompute, the last ones as well, sent twice and over a takeover', async () => {
    await workers.start()
    const [first, second] = [FILE.slice(0, 300), FILE.slice(300)]
    const events = first.map((line) => ({ topic: 'mill.reading', ...line }))
    for (const _ of [1, 2]) expect((await post('/v1/events', events, 'first-half')).status).toBe(200)
    await workers.running[0]!.close({ deadlineMs: 0 })
    await workers.start()
    const client = await RawClient.greeted(server.port, { producer: 'replay', session: 1 })
    const frame = { type: 'publish', seq: 1, topic: 'mill.reading', end: {}, events: second }
    client.send(frame)
    expect(await client.next('ack')).not.toHaveProperty('duplicate')
    client.send({ ...frame, ageMs: 10 })
    expect(await client.next('ack')).toMatchObject({ duplicate: true })
    const hours = recompute(
      ({ time, data }) => `${data.machine} ${startOf(time, HOUR)}`,
      (lines) => ({ sum: sumOf(lines), n: lines.length }),
    )
    const days = recompute(
      ({ time, data }) => `${data.machine} ${startOf(time, 24 * HOUR)}`,
      (lines) => ({ sum: sumOf(lines) }),
    )
    const overAll = recompute(
      ({ time }) => `* ${startOf(time, HOUR)}`,
      (lines) => ({ n: lines.length }),
    )
    await expect.poll(() => panesOf('mill.day')).toEqual(days)
    await expect.poll(() => panesOf('mill.all')).toEqual(overAll)
    expect(await panesOf('mill.hour')).toEqual(hours)
    expect(await eventsOf('mill.hour')).toHaveLength(Object.keys(hours).length)
    expect(await eventsOf('mill.all')).toHaveLength(Object.keys(overAll).length)
    for (const name of ['mill.hour', 'mill.all', 'mill.day']) expect(await eventsOf(`${name}.late`)).toEqual([])
    // Panes over all keys are found by their key, wherever their window is merged.
    const newest = Object.values(overAll).at(-1)
    expect(await (await fetch(`${server.url}/v1/windows/mill.all?key=*`)).json()).toMatchObject({
      results: [{ key: '*', data: { value: newest } }],
    })
    const dayOfAll = recompute(
      ({ time }) => `* ${startOf(time, 24 * HOUR)}`,
      (lines) => ({ n: lines.length }),
    )
    await expect.poll(() => panesOf('mill.all_day')).toEqual(dayOfAll)
    expect(await (await fetch(`${server.url}/v1/windows/mill.all_day?key=*`)).json()).toMatchObject({
      results: [{ key: '*', data: { value: Object.values(dayOfAll).at(-1) } }],
    })
    const ofAll = await (await fetch(`${server.url}/v1/history?topic=mill.all&key=*&limit=1000`)).json()
    expect(ofAll).toMatchObject({ events: { length: Object.keys(overAll).length } })
    client.send({ type: 'subscribe', sub: 1, topic: 'mill.all', keys: ['*'], snapshot: true })
    expect(await client.next('batch')).toMatchObject({
      parts: [{ snapshot: 'end', events: [{ key: '*', data: { value: newest } }] }],
    })
    // Who reads the topic sees the events, and nothing where it ended.
    expect(await eventsOf('mill.reading')).toHaveLength(FILE.length)
    client.close()
  })

  it('I-END-1 another end under the same seq is another frame, and an empty frame without one is none', async () => {
    const client = await RawClient.greeted(server.port, { producer: 'twice', session: 1 })
    client.send({ type: 'publish', seq: 1, topic: 'mill.reading', end: { source: 'a' }, events: [] })
    const ack = await client.next('ack')
    expect(ack.at).toHaveLength(PARTITIONS)
    client.send({ type: 'publish', seq: 1, topic: 'mill.reading', end: { source: 'b' }, events: [] })
    expect(await client.next('reject')).toMatchObject({ seq: 1, code: 'conflict' })
    client.send({ type: 'publish', seq: 2, topic: 'mill.reading', events: [] })
    expect(await client.next('reject')).toMatchObject({ seq: 2, code: 'empty_frame' })
    client.send({ type: 'publish', seq: 2, topic: 'mill.reading', end: { source: '' }, events: [] })
    expect(await client.next('reject')).toMatchObject({ seq: 2, code: 'invalid_frame' })
    client.close()
  })

  it('G-END-1 POST /v1/topics/<topic>/end ends it, or a source, once under a key', async () => {
    const path = '/v1/topics/mill.reading/end'
    const ended = await post(path, { source: 'a' }, 'end-a')
    expect([ended.status, await ended.json()]).toMatchObject([200, { topic: 'mill.reading', duplicate: false }])
    expect(await (await post(path, { source: 'a' }, 'end-a')).json()).toMatchObject({ duplicate: true })
    expect((await post(path, { source: 'b' }, 'end-a')).status).toBe(409)
    expect((await fetch(`${server.url}${path}`, { method: 'POST' })).status).toBe(200)
    expect((await post('/v1/topics/mill.hour/end', {})).status).toBe(403)
    expect((await post('/v1/topics/mill.readings/end', {})).status).toBe(404)
    expect((await post(path, { sources: ['a'] })).status).toBe(400)
    expect((await fetch(`${server.url}${path}`)).status).toBe(405)
  })
})
