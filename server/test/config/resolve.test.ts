import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, type ProblemCode } from '../../src/config/config-error.ts'
import type { Declaration } from '../../src/config/declaration.ts'
import { defineConfig } from '../../src/config/define-config.ts'
import { resolveContract } from '../../src/config/resolve.ts'
import { type AnyTopic, topic } from '../../src/config/topic.ts'

const schema = z.object({ id: z.string(), n: z.number(), size: z.int(), note: z.string().optional() })
const source = (name = 'a') => topic(name, { schema, key: 'id' })
const aggregate = { n: 'count' } as const

function resolve(...topics: readonly AnyTopic[]) {
  return resolveContract(topics.map((declared) => declared['~declaration']))
}

/** The problems of a config, as `topic: code`. */
function problems(...topics: readonly AnyTopic[]): string[] {
  try {
    resolve(...topics)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ topic, code }) => `${topic}: ${code}`)
    throw error
  }
  return []
}

/** What a config file may contain although the types refuse it. */
const untyped = <T>(value: unknown) => value as T

describe('checks at start', () => {
  test('problems - all are reported at once with code, topic and advice (K-CHECK-1)', () => {
    const a = topic('a', { schema, key: untyped('n'), retention: untyped('soon') })
    const w = source('b').window('w', { tumbling: '10s', aggregate })
    const topics = [a, source('Bad Name'), w]
    expect(problems(...topics)).toEqual(['Bad Name: bad_name', 'w: unlisted_input', 'a: bad_key'])
    expect(() => resolve(...topics)).toThrow(
      /\n {2}Bad Name: "Bad Name" is not a topic name.*\[bad_name\]\n {2}w: .*b is not in topics/,
    )
  })

  test('names - grammar and uniqueness, late topics included (K-CHECK-2)', () => {
    const b = source('b')
    expect(problems(source(''))).toEqual([': bad_name'])
    expect(problems(source('a'.repeat(129)))).toEqual([`${'a'.repeat(129)}: bad_name`])
    expect(problems(source(), source())).toEqual(['a: duplicate_name'])
    expect(problems(b, b)).toEqual(['b: duplicate_name'])
    expect(problems(b, b.window('w', { tumbling: '10s', aggregate }), source('w.late'))).toEqual([
      'w.late: duplicate_name',
    ])
    const long = 'a'.repeat(124)
    expect(problems(b, b.window(long, { tumbling: '10s', aggregate }))).toEqual([`${long}: bad_name`])
  })

  test('inputs - must be listed themselves, not by a namesake (K-CHECK-3)', () => {
    const a = source()
    const flow = a.filter(() => true).to('f', { version: 1 })
    expect(problems(flow)).toEqual(['f: unlisted_input'])
    expect(problems(source(), flow)).toEqual(['f: unlisted_input'])
    expect(problems(flow, a)).toEqual([])
  })

  test('topics - what is no topic is refused by its index (K-CHECK-3)', () => {
    const a = source()
    for (const bad of [undefined, a.filter(() => true), schema]) {
      expect(() => defineConfig({ topics: [a, untyped<typeof a>(bad)] })).toThrow(/topics\[1\]: .*\[not_a_topic\]/)
    }
  })

  test('cycles - a topic that reads itself by a way round is refused (K-CHECK-3)', () => {
    const flow = (name: string) => ({ kind: 'flow', name, steps: [], version: 1 }) as unknown as Declaration
    const [f, g] = [flow('f'), flow('g')]
    Object.assign(f, { from: g })
    Object.assign(g, { from: f })
    expect(() => resolveContract([f, g])).toThrow(/g: it reads f, which reads it \[cycle\]/)
  })

  test.each([
    ['no zod schema', { parse: () => ({}) }],
    ['undefined', undefined],
    ['a date', z.object({ id: z.string(), at: z.date() })],
    ['a bigint', z.object({ id: z.string(), n: z.bigint() })],
    ['a transform', z.object({ id: z.string(), n: z.string().transform(Number) })],
  ])('schema - %s is refused (K-CHECK-4)', (_what, bad) => {
    expect(problems(topic('a', { schema: untyped<typeof schema>(bad), key: 'id' }))).toEqual(['a: bad_schema'])
  })

  test('key - must always be there as a string, in every variant (K-CHECK-5)', () => {
    const key = untyped<'id'>
    for (const bad of ['n', 'note', 'nope', undefined]) {
      expect(problems(topic('a', { schema, key: key(bad) }))).toEqual(['a: bad_key'])
    }
    const a = z.object({ kind: z.literal('a'), id: z.string() })
    const b = z.object({ kind: z.literal('b'), id: z.enum(['x', 'y']) })
    const c = z.object({ kind: z.literal('c'), id: z.number() })
    expect(problems(topic('a', { schema: z.discriminatedUnion('kind', [a, b]), key: 'id' }))).toEqual([])
    expect(problems(topic('a', { schema: z.discriminatedUnion('kind', [a, c]), key: key('id') }))).toEqual([
      'a: bad_key',
    ])
    expect(problems(topic('a', { schema: z.intersection(z.object({ id: z.string() }), a), key: 'id' }))).toEqual([])
  })

  test('priority - must be a lane (K-CONTRACT-6)', () => {
    expect(problems(topic('a', { schema, key: 'id', priority: untyped<'high'>('urgent') }))).toEqual([
      'a: bad_priority',
    ])
    const b = source('b')
    const w = b.window('w', { tumbling: '10s', aggregate, priority: untyped(() => 'high') })
    expect(problems(b, w)).toEqual(['w: bad_priority'])
  })

  test('window - reads source topics only; flows read anything (K-CHECK-6)', () => {
    const a = source()
    const flow = a.filter((d) => d.n > 1).to('f', { version: 1 })
    const window = a.window('w', { tumbling: '10s', aggregate })
    const overFlow = flow.map((d) => ({ m: d.n })).to('g', { version: 1 })
    const overWindow = window.filter((p) => p.value.n > 1).to('h', { version: 1 })
    const overThat = overWindow.map((p) => p.value).to('i', { version: 1 })
    expect(problems(a, flow, window, overFlow, overWindow, overThat)).toEqual([])
    for (const result of [flow, window]) {
      expect(() => untyped<typeof a>(result).window('x', { tumbling: '10s', aggregate })).toThrow(/clients publish to/)
    }
    const smuggled = { ...window['~declaration'], name: 'x', from: flow['~declaration'] } as Declaration
    expect(() => resolveContract([a, flow].map((t) => t['~declaration']).concat(smuggled))).toThrow(
      /x: .*result of a flow/,
    )
  })

  test.each([
    [{ tumbling: '99ms' }, 'bad_window'],
    [{ tumbling: '10s', offset: '10s' }, 'bad_window'],
    [{ tumbling: '10s', offset: '-10s' }, 'bad_window'],
    [{ tumbling: '10s', groupBy: 'id' }, 'bad_window'],
    [{ tumbling: '10x' }, 'bad_duration'],
    [{ tumbling: undefined }, 'bad_duration'],
    [{ tumbling: '10s', outOfOrderness: '-1s' }, 'bad_duration'],
    [{ tumbling: '10s', allowedLateness: '-1s' }, 'bad_duration'],
    [{ tumbling: '10s', retention: '0s' }, 'bad_duration'],
  ] as const satisfies readonly (readonly [object, ProblemCode])[])(
    'window - %j is refused (K-CHECK-7)',
    (options, code) => {
      const a = source()
      const window = a.window('w', untyped<{ tumbling: '1s'; aggregate: typeof aggregate }>({ aggregate, ...options }))
      expect(problems(a, window)).toEqual([`w: ${code}`])
    },
  )

  test.each([
    [undefined],
    [{}],
    [{ x: 'sum' }],
    [{ x: {} }],
    [{ x: null }],
    [{ x: { median: 'n' } }],
    [{ x: { min: 'n', max: 'n' } }],
    [{ x: { sum: 'id' } }],
    [{ x: { sum: 'nope' } }],
    [{ x: { sum: 1 } }],
  ])('window - aggregate %j is refused (K-CHECK-8)', (bad) => {
    const a = source()
    expect(problems(a, a.window('w', { tumbling: '10s', aggregate: untyped<typeof aggregate>(bad) }))).toEqual([
      'w: bad_aggregate',
    ])
  })

  test.each([undefined, 0, -1, 1.5, '1'])('flow - version %j is refused (K-CHECK-9)', (version) => {
    const a = source()
    expect(problems(a, a.filter(() => true).to('f', { version: untyped(version) }))).toEqual(['f: bad_version'])
  })
})
