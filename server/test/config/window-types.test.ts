import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { custom, defineConfig, type Pane, topic, type WithdrawnPane, windowOf } from '../../src/index.ts'

// Checked by `tsc`; the bodies also run, so nothing here may fail at run time except inside a function never called.

const schema = z.object({
  sensorId: z.string(),
  site: z.enum(['north', 'south']),
  temperature: z.number(),
  isOn: z.boolean(),
  humidity: z.number().optional(),
  label: z.string().nullable(),
  tags: z.array(z.string()),
  at: z.object({ x: z.number(), floor: z.string(), 'odd.name': z.number() }),
})
type Reading = z.output<typeof schema>
const reading = topic('sensor.reading', { schema, key: 'sensorId' })
const door = topic('sensor.door', {
  schema: z.object({ id: z.string(), site: z.string(), open: z.boolean() }),
  key: 'id',
})
const aggregate = { n: 'count' } as const

type DataOf<Topic extends { readonly '~entries': { readonly data: unknown } }> = Topic['~entries']['data']
type ValueOf<Topic extends { readonly '~data': { readonly value: unknown } }> = Topic['~data']['value']

describe('window shapes', () => {
  test('K-TYPE-7 shape - exactly one of three', () => {
    reading.window('w', { tumbling: '10s', offset: '-2s', aggregate })
    reading.window('w', { hopping: { size: '60s', slide: '1s' }, offset: '500ms', aggregate })
    reading.window('w', { session: { gap: '30s' }, aggregate })
    const never = () => {
      // @ts-expect-error none
      reading.window('w', { aggregate })
      // @ts-expect-error two
      reading.window('w', { tumbling: '10s', session: { gap: '30s' }, aggregate })
      // @ts-expect-error two
      reading.window('w', { tumbling: '10s', hopping: { size: '60s', slide: '1s' }, aggregate })
      // @ts-expect-error two
      reading.window('w', { hopping: { size: '60s', slide: '1s' }, session: { gap: '30s' }, aggregate })
      // @ts-expect-error sessions have no offset
      reading.window('w', { session: { gap: '30s' }, offset: '1s', aggregate })
      // @ts-expect-error no slide
      reading.window('w', { hopping: { size: '60s' }, aggregate })
      // @ts-expect-error not a duration
      reading.window('w', { hopping: { size: '60s', slide: '1' }, aggregate })
      // @ts-expect-error not a duration
      reading.window('w', { session: { gap: '0s' }, aggregate })
      // @ts-expect-error sessions have a gap, not a size
      reading.window('w', { session: { gap: '30s', size: '10s' }, aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-4 session - its panes may be taken back, others not', () => {
    type Value = { readonly n: number }
    const session = reading.window('w', { session: { gap: '30s' }, aggregate })
    expectTypeOf<DataOf<typeof session>>().toEqualTypeOf<Pane<Value> | WithdrawnPane | Reading>()
    const panes = session.filter((pane) => pane.withdrawn === undefined).to('f', { version: 1 })
    expectTypeOf<DataOf<typeof panes>>().toEqualTypeOf<Pane<Value>>()
    const hopping = reading.window('w', { hopping: { size: '60s', slide: '1s' }, aggregate })
    expectTypeOf<(typeof hopping)['~data']>().toEqualTypeOf<Pane<Value>>()
    const tumbling = reading.window('w', { tumbling: '1s', aggregate })
    expectTypeOf<(typeof tumbling)['~data']>().toEqualTypeOf<Pane<Value>>()
    // @ts-expect-error it may be taken back
    session.filter((pane) => pane.value.n > 1)
  })
})

describe('window options', () => {
  test('K-TYPE-8 options - only words and shapes that exist', () => {
    reading.window('w', {
      tumbling: '10s',
      watermark: 'source',
      emit: { every: '5s' },
      accumulation: 'discarding',
      maxKeys: 10,
      maxOpen: 10,
      aggregate,
    })
    const never = () => {
      // @ts-expect-error no such clock
      reading.window('w', { tumbling: '10s', watermark: 'fleet', aggregate })
      // @ts-expect-error an object, so that other triggers have room
      reading.window('w', { tumbling: '10s', emit: '5s', aggregate })
      // @ts-expect-error no such way
      reading.window('w', { tumbling: '10s', accumulation: 'retracting', aggregate })
      // @ts-expect-error misspelt
      reading.window('w', { tumbling: '10s', allowedLatenes: '5s', aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-8 where - sees the data, and its version stands beside it', () => {
    reading.window('w', {
      tumbling: '10s',
      where: {
        version: 1,
        keep: (data) => {
          expectTypeOf(data).toEqualTypeOf<Reading>()
          return data.temperature > 30
        },
      },
      aggregate,
    })
    const never = () => {
      // @ts-expect-error no version
      reading.window('w', { tumbling: '10s', where: { keep: () => true }, aggregate })
      // @ts-expect-error no version
      reading.window('w', { tumbling: '10s', where: () => true, aggregate })
      // @ts-expect-error no such field
      reading.window('w', { tumbling: '10s', where: { version: 1, keep: (data) => data.nope }, aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-8 groupBy - null or a field that always holds a string', () => {
    for (const groupBy of [null, 'site', 'sensorId', 'at.floor'] as const) {
      reading.window('w', { tumbling: '10s', groupBy, aggregate })
    }
    const never = () => {
      // @ts-expect-error a number
      reading.window('w', { tumbling: '10s', groupBy: 'temperature', aggregate })
      // @ts-expect-error may be null
      reading.window('w', { tumbling: '10s', groupBy: 'label', aggregate })
      // @ts-expect-error no such field
      reading.window('w', { tumbling: '10s', groupBy: 'nope', aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })
})

describe('aggregate types', () => {
  test('K-TYPE-2 number functions - offer fields that always hold a number, at any level', () => {
    const window = reading.window('w', {
      tumbling: '10s',
      aggregate: {
        a: { stddev: 'temperature' },
        b: { rate: 'at.x' },
        c: { timeWeightedAvg: 'temperature' },
      },
    })
    expectTypeOf<ValueOf<typeof window>>().toEqualTypeOf<{
      readonly a: number
      readonly b: number
      readonly c: number
    }>()
    const never = () => {
      // @ts-expect-error a string
      reading.window('w', { tumbling: '10s', aggregate: { x: { stddev: 'site' } } })
      // @ts-expect-error a boolean
      reading.window('w', { tumbling: '10s', aggregate: { x: { rate: 'isOn' } } })
      // @ts-expect-error may be absent
      reading.window('w', { tumbling: '10s', aggregate: { x: { timeWeightedAvg: 'humidity' } } })
      // @ts-expect-error a string below
      reading.window('w', { tumbling: '10s', aggregate: { x: { sum: 'at.floor' } } })
      // @ts-expect-error an object
      reading.window('w', { tumbling: '10s', aggregate: { x: { sum: 'at' } } })
      // @ts-expect-error a path cannot spell it
      reading.window('w', { tumbling: '10s', aggregate: { x: { sum: 'at.odd.name' } } })
      // @ts-expect-error arrays have no fields
      reading.window('w', { tumbling: '10s', aggregate: { x: { sum: 'tags.length' } } })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-2 K-TYPE-4 first, last, list - give the type of the field; distinct a number', () => {
    const window = reading.window('w', {
      tumbling: '10s',
      aggregate: { a: { first: 'site' }, b: { last: 'at.x' }, c: { distinct: 'isOn' }, d: { list: 'sensorId' } },
    })
    expectTypeOf<ValueOf<typeof window>>().toEqualTypeOf<{
      readonly a: 'north' | 'south'
      readonly b: number
      readonly c: number
      readonly d: readonly string[]
    }>()
    const never = () => {
      // @ts-expect-error may be null
      reading.window('w', { tumbling: '10s', aggregate: { x: { first: 'label' } } })
      // @ts-expect-error an array
      reading.window('w', { tumbling: '10s', aggregate: { x: { distinct: 'tags' } } })
      // @ts-expect-error two functions
      reading.window('w', { tumbling: '10s', aggregate: { x: { first: 'site', last: 'site' } } })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-4 quantiles - give a number for each that is asked for', () => {
    const window = reading.window('w', {
      tumbling: '10s',
      aggregate: { q: { quantiles: 'temperature', at: [0.5, 0.05, 0.99, 0.999] } },
    })
    expectTypeOf<ValueOf<typeof window>['q']>().toEqualTypeOf<{
      readonly p50: number
      readonly p05: number
      readonly p99: number
      readonly p999: number
    }>()
    const never = () => {
      // @ts-expect-error no quantiles asked for
      reading.window('w', { tumbling: '10s', aggregate: { q: { quantiles: 'temperature' } } })
      // @ts-expect-error a string
      reading.window('w', { tumbling: '10s', aggregate: { q: { quantiles: 'site', at: [0.5] } } })
      // @ts-expect-error quantiles go with their own function
      reading.window('w', { tumbling: '10s', aggregate: { q: { avg: 'temperature', at: [0.5] } } })
      // @ts-expect-error not asked for
      window.filter((pane) => pane.value.q.p95 > 1)
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-4 topK - names values of the field with count and error', () => {
    const window = reading.window('w', {
      tumbling: '10s',
      aggregate: { top: { topK: 'site', k: 3, by: 'temperature' }, seen: { topK: 'sensorId', k: 1 } },
    })
    expectTypeOf<ValueOf<typeof window>['top'][number]>().toEqualTypeOf<{
      readonly value: 'north' | 'south'
      readonly count: number
      readonly error: number
    }>()
    const never = () => {
      // @ts-expect-error how many
      reading.window('w', { tumbling: '10s', aggregate: { top: { topK: 'site' } } })
      // @ts-expect-error ranked by a number
      reading.window('w', { tumbling: '10s', aggregate: { top: { topK: 'site', k: 3, by: 'sensorId' } } })
      // @ts-expect-error values cannot be changed
      window.filter((pane) => pane.value.top.push({ value: 'north', count: 1, error: 0 }) > 1)
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-4 K-TYPE-8 custom - sees the data and gives its own result', () => {
    const spread = custom({
      version: 1,
      init: () => ({ min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }),
      add: ({ min, max }, { temperature }: Reading, time) => {
        expectTypeOf(time).toEqualTypeOf<number>()
        return { min: Math.min(min, temperature), max: Math.max(max, temperature) }
      },
      merge: (into, from) => ({ min: Math.min(into.min, from.min), max: Math.max(into.max, from.max) }),
      result: ({ min, max }) => ({ width: max - min }),
      encode: (state) => JSON.stringify(state),
      decode: (text) => JSON.parse(text),
    })
    const window = reading.window('w', { tumbling: '10s', aggregate: { spread } })
    expectTypeOf<ValueOf<typeof window>['spread']>().toEqualTypeOf<{ width: number }>()
    const never = () => {
      // @ts-expect-error made for other data
      door.window('w', { tumbling: '10s', aggregate: { spread } })
      // @ts-expect-error no version
      custom({ ...spread.custom, version: undefined })
      const { merge: _, ...unmergeable } = spread.custom
      // @ts-expect-error cannot be merged
      custom(unmergeable)
    }
    expectTypeOf(never).toBeFunction()
  })
})

describe('windows over results', () => {
  const perSensor = reading.window('sensor.10s', {
    tumbling: '10s',
    allowedLateness: '0s',
    aggregate: { avg: { avg: 'temperature' }, site: { last: 'site' } },
  })

  test('K-TYPE-9 panes - their fields are paths', () => {
    const perSite = perSensor.window('sensor.1m', {
      tumbling: '1m',
      groupBy: 'value.site',
      aggregate: { hottest: { max: 'value.avg' }, from: { min: 'start' }, who: { last: 'key' } },
    })
    expectTypeOf<ValueOf<typeof perSite>>().toEqualTypeOf<{
      readonly hottest: number
      readonly from: number
      readonly who: string
    }>()
    const late = DataOfLate(perSite)
    expectTypeOf<typeof late>().toEqualTypeOf<(typeof perSensor)['~data']>()
    const never = () => {
      // @ts-expect-error no such aggregate
      perSensor.window('w', { tumbling: '1m', aggregate: { x: { max: 'value.max' } } })
      // @ts-expect-error a string
      perSensor.window('w', { tumbling: '1m', aggregate: { x: { max: 'value.site' } } })
      // @ts-expect-error a field of the readings, not of their panes
      perSensor.window('w', { tumbling: '1m', aggregate: { x: { max: 'temperature' } } })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-9 flows - a window sees what map returns and what a type guard leaves', () => {
    const mapped = reading.map((r) => ({ degF: r.temperature * 1.8 + 32 })).to('sensor.f', { version: 1 })
    mapped.window('w', { tumbling: '10s', aggregate: { x: { max: 'degF' } } })
    const humid = reading
      .filter((r): r is Reading & { humidity: number } => r.humidity !== undefined)
      .to('sensor.humid', { version: 1 })
    humid.window('w', { tumbling: '10s', aggregate: { x: { max: 'humidity' } } })
    const never = () => {
      // @ts-expect-error gone after map
      mapped.window('w', { tumbling: '10s', aggregate: { x: { max: 'temperature' } } })
      // @ts-expect-error a flow without a topic has no window
      reading.filter(() => true).window('w', { tumbling: '10s', aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-9 windowOf - offers the fields that all inputs have', () => {
    const both = windowOf([reading, door], 'sensor.seen', {
      tumbling: '10s',
      groupBy: 'site',
      where: { version: 1, keep: (data) => ('open' in data ? data.open : data.isOn) },
      aggregate: { n: 'count', site: { last: 'site' } },
    })
    expectTypeOf<ValueOf<typeof both>>().toEqualTypeOf<{ readonly n: number; readonly site: string }>()
    const config = defineConfig({ topics: [reading, door, both] })
    expectTypeOf<(typeof config)['~topics']['sensor.seen.late']['data']>().toEqualTypeOf<
      Reading | { id: string; site: string; open: boolean }
    >()
    const never = () => {
      // @ts-expect-error doors have no temperature
      windowOf([reading, door], 'w', { tumbling: '10s', aggregate: { x: { max: 'temperature' } } })
      // @ts-expect-error a flow without a topic is no input
      windowOf([reading, door.filter(() => true)], 'w', { tumbling: '10s', aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })
})

/** What the late topic of a window holds. */
function DataOfLate<Entry extends { readonly name: string; readonly data: unknown }>(_: {
  readonly '~entries': Entry
}): Extract<Entry, { readonly name: `${string}.late` }>['data'] {
  return undefined as never
}
