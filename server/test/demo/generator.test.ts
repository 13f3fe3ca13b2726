import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import demo from '../../src/demo/demo.config.ts'
import type { DemoEvent } from '../../src/demo/demo-event.ts'
import { demoEvents } from '../../src/demo/generator.ts'

const START = Date.UTC(2024, 10, 23, 9)
const MINUTE = 60_000
const seeds = fc.integer()

type Of<Topic extends DemoEvent['topic']> = Extract<DemoEvent, { topic: Topic }>

function eventsOf(seed: number, durationMs: number, startTime = START): DemoEvent[] {
  const events: DemoEvent[] = []
  for (const event of demoEvents(seed, startTime)) {
    if (event.atMs > startTime + durationMs) return events
    events.push(event)
  }
  return events
}

function of<Topic extends DemoEvent['topic']>(topic: Topic, events: readonly DemoEvent[]): Of<Topic>[] {
  return events.filter((event): event is Of<Topic> => event.topic === topic)
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

/** Averages of ten seconds of one sensor, as the window over it would show them. */
function tenSecondAverages(readings: readonly Of<'sensor.reading'>[]): number[] {
  const buckets = groupBy(readings, ({ event }) => `${event.data.sensorId} ${Math.floor(event.time / 10_000)}`)
  return [...buckets.values()].map((bucket) => average(bucket.map(({ event }) => event.data.temperature)))
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('demo events', () => {
  test('K-DEMO-1 generator - the same seed and start give the same events, another seed others', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 2 ** 41 }), (seed, start) => {
        const events = eventsOf(seed, 10_000, start)
        expect(eventsOf(seed, 10_000, start)).toEqual(events)
        expect(eventsOf(seed ^ 1, 10_000, start)).not.toEqual(events)
      }),
      { numRuns: 20 },
    )
  })

  test('K-DEMO-1 generator - events come in the order they are sent, never before they happened', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        let last = START
        for (const { atMs, event } of eventsOf(seed, 2 * MINUTE)) {
          expect(atMs).toBeGreaterThanOrEqual(last)
          expect(event.time).toBeLessThanOrEqual(atMs)
          expect(Number.isSafeInteger(event.time)).toBe(true)
          last = atMs
        }
      }),
      { numRuns: 10 },
    )
  })

  test('K-DEMO-5 generator - all events fit the schemas of the demo config', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const { topic, event } of eventsOf(seed, MINUTE)) {
          const definition = demo.contract.topics.get(topic)
          if (definition?.kind !== 'source') throw new Error(`${topic} cannot be published`)
          expect(definition.validate(event.data)).toEqual({ ok: true, data: event.data })
        }
      }),
      { numRuns: 10 },
    )
  })

  test('K-DEMO-1 generator - fills a page: readings of 20 sensors once or twice a second, about one order', () => {
    const events = eventsOf(1, 10 * MINUTE)
    const readings = of('sensor.reading', events)
    const sensors = groupBy(readings, ({ event }) => event.data.sensorId)
    expect(sensors.size).toBe(20)
    for (const own of sensors.values()) {
      expect(own.length).toBeGreaterThan(580)
      expect(own.length).toBeLessThan(1_250)
    }
    expect(of('commerce.order_placed', events).length / 600).toBeCloseTo(1.2, 0)
    expect(of('commerce.user_signed_up', events).length).toBeGreaterThan(80)
  })
})

describe('demo sensors', () => {
  test('K-DEMO-2 readings - arrive out of order, almost all by less than the windows wait', () => {
    const window = demo.contract.topics.get('sensor.10s')
    if (window?.kind !== 'window') throw new Error('not a window')
    const { outOfOrdernessMs } = window.spec
    fc.assert(
      fc.property(seeds, (seed) => {
        const readings = of('sensor.reading', eventsOf(seed, 10 * MINUTE))
        let newest = 0
        let disordered = 0
        let beyond = 0
        for (const { event } of readings) {
          if (event.time < newest) disordered++
          if (event.time < newest - outOfOrdernessMs) beyond++
          newest = Math.max(newest, event.time)
        }
        expect(disordered / readings.length).toBeGreaterThan(0.02)
        expect(beyond / readings.length).toBeLessThan(0.003)
      }),
      { numRuns: 5 },
    )
  })

  test('K-DEMO-2 readings - some are sent twice, with the same id and content', () => {
    const readings = of('sensor.reading', eventsOf(7, 10 * MINUTE))
    const repeated = [...groupBy(readings, ({ event }) => event.id).values()].filter((copies) => copies.length > 1)
    expect(repeated.length / readings.length).toBeGreaterThan(0.005)
    expect(repeated.length / readings.length).toBeLessThan(0.02)
    for (const [first, second, ...more] of repeated) {
      expect(second!.event).toEqual(first!.event)
      expect(more).toEqual([])
    }
  })

  test('K-DEMO-3 temperatures - are higher at 15:00 than at 03:00 UTC', () => {
    const mean = (hour: number) => {
      const readings = of('sensor.reading', eventsOf(1, 5 * MINUTE, Date.UTC(2024, 10, 23, hour)))
      return average(readings.map(({ event }) => event.data.temperature))
    }
    expect(mean(15) - mean(3)).toBeGreaterThan(3)
    expect(mean(15) - mean(3)).toBeLessThan(5)
  })

  test('K-DEMO-3 sensors - drift, hang, spike and overheat', { timeout: 60_000 }, () => {
    const readings = of('sensor.reading', eventsOf(1, 60 * MINUTE))
    const sensors = [...groupBy(readings, ({ event }) => event.data.sensorId).values()].map((own) =>
      own.sort((a, b) => a.event.time - b.event.time),
    )
    const hangs = sensors.filter((own) =>
      own.some((first, at) => {
        const run = own.slice(at, at + 15)
        return run.length === 15 && run.every(({ event }) => event.data === first.event.data)
      }),
    )
    expect(hangs.length).toBeGreaterThan(0)

    const spikes = readings.filter(({ event }) => event.data.temperature > 50 || event.data.temperature < -2)
    expect(spikes.length).toBeGreaterThan(10)

    const overheated = tenSecondAverages(readings).filter((avg) => avg > 30)
    expect(overheated.length).toBeGreaterThan(20)

    const usual = (own: typeof readings, fromMs: number) => {
      const span = own.filter(({ event }) => event.time >= START + fromMs && event.time < START + fromMs + 10 * MINUTE)
      const sorted = span.map(({ event }) => event.data.temperature).sort((a, b) => a - b)
      return sorted[Math.floor(sorted.length / 2)]!
    }
    const change = sensors.map((own) => usual(own, 50 * MINUTE) - usual(own, 0))
    // The day warms all by about 0.4; every fifth sensor drifts by 1.25 more in 50 minutes.
    expect(change.filter((degrees) => degrees > 1).length).toBe(4)
  })
})

describe('demo shop', () => {
  test('K-DEMO-4 payments - follow an order by its id and amount', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const events = eventsOf(seed, 5 * MINUTE)
        const orders = new Map(of('commerce.order_placed', events).map(({ event }) => [event.data.orderId, event]))
        const payments = of('commerce.payment_received', events)
        for (const { event } of payments) {
          const order = orders.get(event.data.orderId)
          expect(order?.data.amount).toBe(event.data.amount)
          expect(event.time).toBeGreaterThan(order!.time)
        }
        expect(payments.length / orders.size).toBeGreaterThan(0.85)
      }),
      { numRuns: 10 },
    )
  })

  test('K-DEMO-4 payments - over 1000 come at least every 15 s on average', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const payments = of('commerce.payment_received', eventsOf(seed, 20 * MINUTE))
        const high = payments.filter(({ event }) => event.data.amount > 1_000)
        expect(high.length).toBeGreaterThan((20 * 60) / 15)
        expect(high.length).toBeLessThan(payments.length / 5)
      }),
      { numRuns: 5 },
    )
  })

  test('K-DEMO-1 ids - two runs never share an order, payment or user', () => {
    const ids = (start: number) => eventsOf(1, MINUTE, start).map(({ event }) => event.id)
    const first = new Set(ids(START))
    expect(ids(START + 1).filter((id) => first.has(id))).toEqual([])
  })
})
