import { createClient, type TidegateClient } from '@tidegate/client/node'
import { type DeliveredEvent, type GapFrame, parsePosition } from '@tidegate/protocol'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { until } from '../delivery/support.ts'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const TOPIC = 'sensor.reading'
const SENSORS = 7
/** More than a session may queue, several times. */
const READINGS = 20_000

type Page = { events: DeliveredEvent[]; complete: boolean; next?: string }
type Reading = { temperature: number }

const server = await useGateway()
const redis = await useConnection(server.redis.url)
let publisher: TidegateClient

beforeAll(async () => {
  publisher = createClient({ url: server.url })
})
afterAll(async () => {
  await publisher.close({ deadlineMs: 100 })
})

async function publish(count: number): Promise<void> {
  for (let first = 0; first < count; first += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, i) => readingOf(`s-${i % SENSORS}`, first + i))
    await publisher.publish(TOPIC, events)
  }
}

const temperature = (event: { data: unknown }) => (event.data as Reading).temperature

const ask = (params: Record<string, unknown>) => publisher.query('gap', params) as Promise<Page>

async function pages(range: Record<string, unknown>): Promise<Page[]> {
  const all = [await ask(range)]
  for (let { next } = all[0]!; next !== undefined; next = all.at(-1)!.next)
    all.push(await ask({ ...range, after: next }))
  return all
}

describe('fetching what a gap withheld', () => {
  it('C-GAP-2 Q-GAP-1 delivered and fetched together are what was published, each once, as the subscription filters', async () => {
    const client = createClient({ url: server.url, windowBytes: 4_096 })
    const keys = ['s-1', 's-2', 's-3', 's-4', 's-5']
    const subscription = client.subscribe(TOPIC, { keys, where: 'data.temperature >= 5' })
    await subscription.ready
    const fetches: Promise<number[]>[] = []
    let withheld = 0
    subscription.onGap((gap) => {
      if (!gap.fetchable) throw new Error(`not fetchable: ${gap.reason}`)
      const { fetch, count } = gap
      withheld += count!
      fetches.push(
        (async () => {
          const events: number[] = []
          for await (const event of fetch()) {
            expect(event).toMatchObject({ recovered: true, topic: TOPIC, lane: 'low' })
            events.push(temperature(event))
          }
          expect(events).toHaveLength(count!)
          return events
        })(),
      )
    })
    await publish(READINGS)
    const delivered: number[] = []
    const reading = (async () => {
      for await (const event of subscription) delivered.push(temperature(event))
    })()
    const matching = Array.from({ length: READINGS }, (_, i) => i).filter(
      (i) => i >= 5 && keys.includes(`s-${(i % 1_000) % SENSORS}`),
    )
    await until(() => delivered.length + withheld === matching.length, 'every event delivered or told', 10_000)
    const fetched = (await Promise.all(fetches)).flat()
    expect(fetched).toHaveLength(withheld)
    expect(withheld).toBeGreaterThan(1_000)
    expect([...delivered, ...fetched].sort((a, b) => a - b)).toEqual(matching)
    await client.close({ deadlineMs: 0 })
    await reading
  })

  it('Q-GAP-1 Q-GAP-2 any range in pages of any size is what the history has there', async () => {
    const partition = partitionOf('s-1', 4)
    const history = (await publisher.query('history', { topic: TOPIC, partition, limit: 1_000 })) as DeliveredEvent[]
    const place = fc.integer({ min: 0, max: history.length - 1 })
    await fc.assert(
      fc.asyncProperty(place, place, fc.integer({ min: 1, max: 400 }), async (a, b, limit) => {
        const [first, last] = a < b ? [a, b] : [b, a]
        const range = { topic: TOPIC, lane: 'low', after: history[first]!.at, upTo: history[last]!.at, limit }
        const answers = await pages({ ...range, keys: ['s-1'] })
        const expected = history.slice(first + 1, last + 1).filter(({ key }) => key === 's-1')
        expect(answers.flatMap(({ events }) => events)).toEqual(expected)
        expect(answers.every(({ events, complete }) => events.length <= limit && complete)).toBe(true)
      }),
      { numRuns: 30 },
    )
    const rest = await pages({ topic: TOPIC, lane: 'high', upTo: history.at(-1)!.at })
    expect(rest.flatMap(({ events }) => events)).toEqual([])
    const whole = await pages({ topic: TOPIC, lane: 'low', upTo: history.at(-1)!.at })
    expect(whole.flatMap(({ events }) => events)).toEqual(history)
    expect(whole.length).toBeGreaterThan(1)
  })

  it('Q-GAP-3 C-GAP-2 a range whose beginning was trimmed, or whose end was lost, is told incomplete after what is left', async () => {
    const partition = partitionOf('s-2', 4)
    const history = (await publisher.query('history', { topic: TOPIC, partition, limit: 1_000 })) as DeliveredEvent[]
    const last = parsePosition(history.at(-1)!.at)!
    const lost = { ...last, streamId: `${Number(last.streamId.split('-')[0]) + 3_600_000}-0` }
    const upTo = `${lost.partition}@${lost.epoch}/${lost.streamId}.0`
    const ended = await pages({ topic: TOPIC, lane: 'low', after: history.at(-5)!.at, upTo })
    expect(ended.at(-1)).toMatchObject({ complete: false })
    const otherEpoch = `${partition}@other/${last.streamId}.${last.index}`
    const foreign = await pages({ topic: TOPIC, lane: 'low', upTo: otherEpoch })
    expect(foreign.flatMap(({ events }) => events)).toEqual([])
    expect(foreign.at(-1)!.complete).toBe(false)

    const kept = history.findIndex(({ at }) => parsePosition(at)!.streamId !== parsePosition(history[0]!.at)!.streamId)
    const gone = parsePosition(history[0]!.at)!.streamId
    await redis.xtrim(keys.log(partition, TOPIC), 'MINID', parsePosition(history[kept]!.at)!.streamId)
    await redis.hset(keys.meta(partition), `trim:${TOPIC}`, gone)
    const left = await pages({ topic: TOPIC, lane: 'low', upTo: history.at(-1)!.at })
    expect(left.flatMap(({ events }) => events)).toEqual(history.slice(kept))
    expect(left[0]!.complete).toBe(false)
    const behind = await pages({ topic: TOPIC, lane: 'low', after: history[kept]!.at, upTo: history.at(-1)!.at })
    expect(behind.every(({ complete }) => complete)).toBe(true)
  })

  it.each([
    [{ lane: 'low', upTo: 'here' }, 'invalid_position'],
    [{ lane: 'low', upTo: '1@1/5-0.0', after: '2@1/4-0.0' }, 'invalid_position'],
    [{ lane: 'low', upTo: '900@1/5-0.0' }, 'invalid_position'],
    [{ lane: 'fast', upTo: '1@1/5-0.0' }, 'invalid_frame'],
    [{ lane: 'low' }, 'invalid_frame'],
    [{ lane: 'low', upTo: '1@1/5-0.0', keys: 's-1' }, 'invalid_frame'],
    [{ lane: 'low', upTo: '1@1/5-0.0', where: 'data.' }, 'invalid_filter'],
    [{ lane: 'low', upTo: '1@1/5-0.0', topic: 'no.such' }, 'unknown_topic'],
  ] satisfies [Partial<Record<keyof GapFrame | 'keys' | 'where', unknown>>, string][])(
    'Q-GAP-4 %j is refused with %s',
    async (params, code) => {
      await expect(ask({ topic: TOPIC, ...params })).rejects.toMatchObject({ code })
    },
  )
})
