import type { Lane } from '@tidegate/protocol'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { type Config, defineConfig, entity, type Pane, type Presence, topic } from '../../src/index.ts'

// Checked by `tsc`; the bodies also run, so nothing here may fail at run time except inside a function never called.

const schema = z.object({
  sensorId: z.string(),
  site: z.enum(['north', 'south']),
  temperature: z.number(),
  humidity: z.number().optional(),
  label: z.string().optional(),
})
type Reading = z.output<typeof schema>
const reading = topic('sensor.reading', { schema, key: 'sensorId' })
const aggregate = { avg: { avg: 'temperature' }, n: 'count' } as const

describe('topic types', () => {
  test('K-TYPE-1 key - offers only fields that always hold a string', () => {
    topic('a', { schema, key: 'site' })
    // @ts-expect-error a number is no key
    topic('a', { schema, key: 'temperature' })
    // @ts-expect-error an optional string may be absent
    topic('a', { schema, key: 'label' })
    // @ts-expect-error no such field
    topic('a', { schema, key: 'nope' })
    // @ts-expect-error data is an object
    topic('a', { schema: z.string(), key: 'length' })
  })

  test('K-TYPE-1 priority - sees the schema output and answers a lane', () => {
    topic('a', {
      schema,
      key: 'sensorId',
      priority: (data) => {
        expectTypeOf(data).toEqualTypeOf<Reading>()
        return data.temperature > 30 ? 'high' : 'low'
      },
    })
    // @ts-expect-error no such lane
    topic('a', { schema, key: 'sensorId', priority: 'urgent' })
    // @ts-expect-error no such lane
    topic('a', { schema, key: 'sensorId', priority: () => 'urgent' as string })
  })

  test('K-DUR-1 durations - bad ones are refused', () => {
    for (const tumbling of ['500ms', '10s', '2m', '24h', '7d', '100s'] as const) {
      reading.window('w', { tumbling, aggregate, allowedLateness: '0s' })
    }
    const never = () => {
      // @ts-expect-error no unit
      reading.window('w', { tumbling: '10', aggregate })
      // @ts-expect-error unknown unit
      reading.window('w', { tumbling: '10 seconds', aggregate })
      // @ts-expect-error a number has no unit
      reading.window('w', { tumbling: 10, aggregate })
      // @ts-expect-error a fraction
      reading.window('w', { tumbling: '1.5s', aggregate })
      // @ts-expect-error an exponent
      reading.window('w', { tumbling: '1e3s', aggregate })
      // @ts-expect-error a leading zero
      reading.window('w', { tumbling: '010s', aggregate })
      // @ts-expect-error not a number
      topic('a', { schema, key: 'sensorId', retention: 'xs' })
      const text: string = '10s'
      // @ts-expect-error any string
      reading.window('w', { tumbling: text, aggregate })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-DUR-2 durations - only offset may be negative, sizes are longer than nothing', () => {
    reading.window('w', { tumbling: '1d', offset: '-8h', aggregate })
    const never = () => {
      // @ts-expect-error negative
      reading.window('w', { tumbling: '-10s', aggregate })
      // @ts-expect-error zero
      reading.window('w', { tumbling: '0s', aggregate })
      // @ts-expect-error negative
      reading.window('w', { tumbling: '10s', outOfOrderness: '-1s', aggregate })
      // @ts-expect-error zero
      topic('a', { schema, key: 'sensorId', retention: '0s' })
    }
    expectTypeOf(never).toBeFunction()
  })

  test('K-TYPE-2 aggregates - only numeric fields, exactly one function', () => {
    for (const fn of [{ sum: 'temperature' }, { min: 'temperature' }, { max: 'temperature' }] as const) {
      reading.window('w', { tumbling: '10s', aggregate: { fn } })
    }
    // @ts-expect-error a string field
    reading.window('w', { tumbling: '10s', aggregate: { x: { sum: 'sensorId' } } })
    // @ts-expect-error an optional number may be absent
    reading.window('w', { tumbling: '10s', aggregate: { x: { avg: 'humidity' } } })
    // @ts-expect-error no such field
    reading.window('w', { tumbling: '10s', aggregate: { x: { max: 'nope' } } })
    // @ts-expect-error no such function
    reading.window('w', { tumbling: '10s', aggregate: { x: { median: 'temperature' } } })
    // @ts-expect-error two functions
    reading.window('w', { tumbling: '10s', aggregate: { x: { min: 'temperature', max: 'temperature' } } })
    // @ts-expect-error not a function
    reading.window('w', { tumbling: '10s', aggregate: { x: 'sum' } })
    // @ts-expect-error priority of a window is one lane
    reading.window('w', { tumbling: '10s', priority: (): Lane => 'high', aggregate })
  })
})

describe('flow types', () => {
  test('K-TYPE-3 map - its output feeds the next step and the new topic', () => {
    const hot = reading
      .map((r) => {
        expectTypeOf(r).toEqualTypeOf<Reading>()
        return { id: r.sensorId, degF: r.temperature * 1.8 + 32 }
      })
      .filter((r) => {
        expectTypeOf(r).toEqualTypeOf<{ id: string; degF: number }>()
        return r.degF > 80
      })
      .to('sensor.hot', { version: 1, priority: (r) => (r.degF > 100 ? 'high' : 'normal') })
    expectTypeOf(hot['~entries']).toEqualTypeOf<{
      readonly name: 'sensor.hot'
      readonly data: { id: string; degF: number }
      readonly publishable: false
    }>()
    const again = hot.map((r) => ({ half: r.degF / 2 })).to('sensor.half', { version: 1 })
    expectTypeOf<(typeof again)['~entries']['data']>().toEqualTypeOf<{ half: number }>()
    // @ts-expect-error no such field after map
    hot.filter((r) => r.temperature > 1)
    // @ts-expect-error data is an object
    reading.map((r) => r.temperature)
    // @ts-expect-error a flow stands for its functions by version
    reading.filter(() => true).to('sensor.some', {})
    // @ts-expect-error a topic is no flow
    expectTypeOf(reading.to).toBeNever()
  })

  test('K-TYPE-3 filter - a type guard narrows', () => {
    const north = reading.filter((r): r is Reading & { site: 'north' } => r.site === 'north')
    const named = north.to('sensor.north', { version: 1 })
    expectTypeOf<(typeof named)['~entries']['data']['site']>().toEqualTypeOf<'north'>()
  })
})

describe('window types', () => {
  test('K-TYPE-4 pane - its value has exactly the named aggregates, as numbers', () => {
    const window = reading.window('sensor.10s', {
      tumbling: '10s',
      aggregate: { avg: { avg: 'temperature' }, n: 'count' },
    })
    window.filter((pane) => {
      expectTypeOf(pane).toEqualTypeOf<Pane<{ readonly avg: number; readonly n: number }>>()
      return pane.value.avg > 30 && pane.final
    })
    // @ts-expect-error not named
    window.filter((pane) => pane.value.max > 30)
  })
})

describe('config types', () => {
  test('K-TYPE-5 config - carries every topic with its data and whether clients may publish', () => {
    const window = reading.window('sensor.10s', { tumbling: '10s', aggregate: { avg: { avg: 'temperature' } } })
    const alert = window.filter((pane) => pane.value.avg > 30).to('sensor.overheated', { version: 1 })
    const config = defineConfig({ topics: [reading, window, alert] })
    type OnePane = Pane<{ readonly avg: number }>
    expectTypeOf(config['~topics']).toEqualTypeOf<{
      readonly 'sensor.reading': { readonly data: Reading; readonly publishable: true }
      readonly 'sensor.10s': { readonly data: OnePane; readonly publishable: false }
      readonly 'sensor.10s.late': { readonly data: Reading; readonly publishable: false }
      readonly 'sensor.overheated': { readonly data: OnePane; readonly publishable: false }
    }>()
    expectTypeOf(config).toExtend<Config<unknown>>()
  })

  test('K-TYPE-5 config - carries who is there where a topic asks for it', () => {
    const schema = z.object({ id: z.string() })
    const shown = topic('a', { schema, key: 'id', presence: true })
    const some = topic('b', { schema, key: 'id', presence: { maxEntries: 5 } })
    const none = topic('c', { schema, key: 'id', presence: false })
    const config = defineConfig({ topics: [shown, some, none] })
    type Topics = (typeof config)['~topics']
    expectTypeOf<keyof Topics>().toEqualTypeOf<'a' | 'a.presence' | 'b' | 'b.presence' | 'c'>()
    expectTypeOf<Topics['a.presence']>().toEqualTypeOf<{ readonly data: Presence; readonly publishable: false }>()
  })

  test('K-TYPE-5 config - a structural reader needs no import to learn the topics', () => {
    type Learn<C> = C extends { readonly '~topics': infer T } ? T : never
    const config = defineConfig({ topics: [reading] })
    type Topics = Learn<typeof config>
    expectTypeOf<Topics>().toExtend<
      Readonly<Record<string, { readonly data: unknown; readonly publishable: boolean }>>
    >()
    expectTypeOf<keyof Topics>().toEqualTypeOf<'sensor.reading'>()
    // @ts-expect-error a flow without a name is no topic
    expectTypeOf(() => defineConfig({ topics: [reading.filter(() => true)] })).toBeFunction()
  })
})

describe('types of hidden fields', () => {
  const profile = topic('user.profile', {
    schema: z.object({
      id: z.string(),
      email: z.string().optional(),
      addresses: z.array(z.object({ street: z.string(), geo: z.object({ lat: z.number() }).nullable() })),
      extra: z.record(z.string(), z.number()),
    }),
    key: 'id',
  })
  const seen = profile.window('user.seen', { tumbling: '1h', aggregate: { n: 'count', last: { last: 'id' } } })
  const account = entity('account', {
    key: 'id',
    version: 1,
    state: { initial: { email: '' as string, plan: '' as string } },
    events: { opened: z.object({ email: z.string() }), closed: z.object({ reason: z.string() }) },
    evolve: { opened: (state) => state, closed: (state) => state },
    commands: {},
    publish: ['state', 'events'],
  })
  const config = { topics: [profile, seen], entities: [account] } as const
  const all = { subscribe: ['>'], query: ['>'] }

  test('ACC-VIEW-5 hide - offers topics and entities with the fields of each', () => {
    const hide = {
      'user.profile': ['email', 'addresses', 'addresses.street', 'addresses.geo.lat', 'extra'],
      'user.seen': ['value.last', 'start'],
      'user.seen.late': ['email'],
      account: ['email'],
      'account.events': ['data.email', 'data.reason', 'commandId'],
    } as const
    expect(
      defineConfig({ ...config, access: { rules: [{ allow: { ...all, hide } }] } }).contract.access.rules,
    ).toHaveLength(1)
  })

  test('ACC-VIEW-5 hide - refuses whatever is not there', () => {
    type Options = Parameters<typeof defineConfig<typeof config.topics, typeof config.entities>>[0]
    type Hide = NonNullable<NonNullable<Options['access']>['rules'][number]['allow']['hide']>
    const refused: Hide[] = [
      // @ts-expect-error no such field
      { 'user.profile': ['emial'] },
      // @ts-expect-error no such field of a list
      { 'user.profile': ['addresses.zip'] },
      // @ts-expect-error a record spells no names
      { 'user.profile': ['extra.x'] },
      // @ts-expect-error a pane has its results in value
      { 'user.seen': ['last'] },
      // @ts-expect-error no such topic
      { 'user.profil': ['email'] },
      // @ts-expect-error the state follows the entity
      { 'account.state': ['state.email'] },
      // @ts-expect-error no event has it
      { 'account.events': ['data.plan'] },
      // @ts-expect-error a list of fields
      { account: 'email' },
    ]
    expect(refused).toHaveLength(8)
  })
})
