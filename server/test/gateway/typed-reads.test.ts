import { createClient } from '@tidegate/client/node'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Pane } from '../../src/config/contract/model.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useWorkers } from '../support/use-workers.ts'

const HOUR = 3_600_000
const BEGIN = Date.UTC(2024, 0, 1)

const reading = topic('mill.reading', { schema: z.object({ machine: z.string(), v: z.number() }), key: 'machine' })
const hourly = reading.window('mill.hour', {
  tumbling: '1h',
  outOfOrderness: '0s',
  aggregate: { sum: { sum: 'v' }, n: 'count' },
})
const config = defineConfig({ topics: [reading, hourly] })

const server = await useGateway(config.contract, { partitions: 4 })
const workers = useWorkers(server.redis.url, 4, config.contract)
const client = createClient<typeof config>({ url: server.url })
afterAll(() => client.close())

const data = (n: number) => ({ machine: `m-${n % 5}`, v: n })
const EVENTS = Array.from({ length: 600 }, (_, n) => ({ id: `r-${n}`, time: BEGIN + n * 60_000, data: data(n) }))

async function get(path: string) {
  return (await (await fetch(server.url + path)).json()) as { events: unknown[]; error?: { message: string } }
}

describe('typed reads', () => {
  it('C-LAST-1 C-READ-1 C-READ-2 C-READ-5 Q-HISTORY-6 history and windows of all partitions, by key and by time, in order of time', async () => {
    await workers.start()
    await client.publish('mill.reading', EVENTS, { last: true })
    const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id)
    const all = await client.history('mill.reading').toArray()
    expect(ids(all)).toEqual(ids(EVENTS))
    expect(all[7]!.data.v).toBe(7)

    const first = client.history('mill.reading', { limit: 250 })
    const begun = await first.toArray()
    const rest = await client.history('mill.reading', { after: first.positions }).toArray()
    expect(ids([...begun, ...rest])).toEqual(ids(EVENTS))
    expect(first.complete).toBe(true)

    const [from, to] = [BEGIN + 2 * HOUR, BEGIN + 3 * HOUR]
    const ofKey = EVENTS.filter((event) => event.data.machine === 'm-2')
    const inHour = ({ time }: { time: number }) => time >= from && time < to
    expect(ids(await client.history('mill.reading', { key: 'm-2' }).toArray())).toEqual(ids(ofKey))
    expect(ids(await client.history('mill.reading', { from, to }).toArray())).toEqual(ids(EVENTS.filter(inHour)))
    expect(ids(await client.history('mill.reading', { key: 'm-2', from, to }).toArray())).toEqual(
      ids(ofKey.filter(inHour)),
    )
    expect(ids(await client.history('mill.reading', { after: to - 1 }).toArray())).toEqual(
      ids(EVENTS.filter(({ time }) => time >= to)),
    )

    await expect.poll(async () => (await client.window('mill.hour').toArray()).length).toBe(50)
    const panes = await client.window('mill.hour', { key: 'm-2', from, to: to + HOUR }).toArray()
    const sumOf = (start: number) => {
      const own = ofKey.filter(({ time }) => time >= start && time < start + HOUR)
      return { sum: own.reduce((sum, event) => sum + event.data.v, 0), n: own.length }
    }
    expect(panes.map(({ start, value }) => [start, value])).toEqual([from, to].map((start) => [start, sumOf(start)]))
    const two = await client.window('mill.hour', { limit: 2 }).toArray()
    expect(two.map(({ key, start }) => [key, start])).toEqual([
      ['m-0', BEGIN],
      ['m-1', BEGIN],
    ])
    const latest = await client.latest('mill.hour').toArray()
    expect(latest.map(({ key, start }) => [key, start]).sort()).toEqual(
      [0, 1, 2, 3, 4].map((n) => [`m-${n}`, BEGIN + 9 * HOUR]),
    )
    const [one] = await client.latest('mill.hour', { key: 'm-1' }).toArray()
    expect(one).toMatchObject({ key: 'm-1', timing: 'on_time' } satisfies Partial<Pane>)
    expect((await client.topics()).map(({ name }) => name)).toEqual(['mill.reading', 'mill.hour', 'mill.hour.late'])
  })

  it('C-READ-4 reads reject with what the server says, or the reason of the signal', async () => {
    await expect(client.history('mill.redaing' as 'mill.reading').toArray()).rejects.toMatchObject({
      code: 'unknown_topic',
    })
    await expect(client.latest('mill.reading' as 'mill.hour').toArray()).rejects.toMatchObject({ code: 'not_found' })
    await expect(client.topics({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })

  it.each([
    ['seconds', 1_732_350_000],
    ['microseconds', 1_732_350_000_000_000],
  ])('Q-TIME-1 Q-HISTORY-6 a time in %s is refused by name', async (unit, time) => {
    for (const name of ['from', 'to']) {
      const { error } = await get(`/v1/history?topic=mill.reading&${name}=${time}`)
      expect(error!.message).toBe(`${name}: ${time} looks like ${unit}; expected ms since 1970`)
    }
    const wrong = client.history('mill.reading', { from: time }).toArray()
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_frame' })
    expect((await get('/v1/history?topic=mill.reading&from=2000&to=1000')).error!.message).toContain('to: expected')
  })
})
