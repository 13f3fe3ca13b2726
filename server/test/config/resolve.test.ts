import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Declaration } from '../../src/config/declarations/declaration.ts'
import { topic } from '../../src/config/declarations/topic.ts'
import { defineConfig } from '../../src/config/define-config.ts'
import { resolveContract } from '../../src/config/resolve.ts'
import { aggregate, problems, resolve, schema, source, untyped } from './support.ts'

describe('checks at start', () => {
  test('K-CHECK-1 problems - all are reported at once with code, topic and advice', () => {
    const a = topic('a', { schema, key: untyped<'id'>('n'), retention: untyped('soon') })
    const w = source('b').window('w', { tumbling: '10s', aggregate })
    const topics = [a, source('Bad Name'), w]
    expect(problems(...topics)).toEqual(['Bad Name: bad_name', 'w: unlisted_input', 'a: bad_key', 'a: bad_duration'])
    expect(() => resolve(...topics)).toThrow(
      /\n {2}Bad Name: "Bad Name" is not a topic name.*\[bad_name\] at support.*\n {2}w: .*b is not in topics/,
    )
  })

  test('K-CHECK-2 names - grammar and uniqueness, late topics included', () => {
    const b = source('b')
    expect(problems(source(''))).toEqual([': bad_name'])
    expect(problems(source('a'.repeat(129)))).toEqual([`${'a'.repeat(129)}: bad_name`])
    expect(problems(source(), source())).toEqual(['a: duplicate_name'])
    expect(problems(b, b)).toEqual(['b: duplicate_name'])
    expect(problems(b, b.window('w', { tumbling: '10s', aggregate }), source('w.late'))).toEqual([
      'w.late: duplicate_name',
    ])
    // What is looked up in an object would be there without ever having been put there.
    expect(problems(source('constructor'))).toEqual(['constructor: bad_name'])
    expect(problems(source('constructor.a'))).toEqual([])
    const long = 'a'.repeat(124)
    expect(problems(b, b.window(long, { tumbling: '10s', aggregate }))).toEqual([`${long}: bad_name`])
  })

  test('K-CHECK-16 presence - adds a topic, which is part of the hash, with a bound', () => {
    const of = (presence?: unknown) => topic('a', { schema, key: 'id', presence: untyped<boolean>(presence) })
    const [without, shown, many] = [of(false), of(true), of({ maxEntries: 10_000 })].map((declared) =>
      resolve(declared),
    )
    expect([...shown!.topics.values()].slice(1)).toEqual([
      { kind: 'presence', name: 'a.presence', of: 'a', maxEntries: 1_000, retentionMs: 3_600_000, lane: 'normal' },
    ])
    expect([...without!.topics.keys()]).toEqual(['a'])
    expect(many!.topics.get('a.presence')).toMatchObject({ maxEntries: 10_000 })
    expect([without!.hash, many!.hash]).toEqual([resolve(of()).hash, shown!.hash])
    expect(without!.hash).not.toBe(shown!.hash)
    for (const bad of [1, 'yes', null, [], { maxEntries: 0 }, { maxEntries: 10_001 }, { max: 1 }]) {
      expect(problems(of(bad))).toEqual(['a: bad_presence'])
    }
    expect(problems(of(true), source('a.presence'))).toEqual(['a.presence: duplicate_name'])
  })

  test('K-CHECK-3 inputs - must be listed themselves, not by a namesake', () => {
    const a = source()
    const flow = a.filter(() => true).to('f', { version: 1 })
    expect(problems(flow)).toEqual(['f: unlisted_input'])
    expect(problems(source(), flow)).toEqual(['f: unlisted_input'])
    expect(problems(flow, a)).toEqual([])
  })

  test('K-CHECK-3 topics - what is no topic is refused by its index', () => {
    const a = source()
    for (const bad of [undefined, a.filter(() => true), schema]) {
      expect(() => defineConfig({ topics: [a, untyped<typeof a>(bad)] })).toThrow(/topics\[1\]: .*\[not_a_topic\]/)
    }
  })

  test('K-CHECK-3 cycles - a topic that reads itself by a way round is refused', () => {
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
  ])('K-CHECK-4 schema - %s is refused', (_what, bad) => {
    expect(problems(topic('a', { schema: untyped<typeof schema>(bad), key: 'id' }))).toEqual(['a: bad_schema'])
  })

  test('K-CHECK-5 key - must always be there as a string, in every variant', () => {
    const key = untyped<'id'>
    for (const bad of ['n', 'note', 'nope', undefined]) {
      expect(problems(topic('a', { schema, key: key(bad) }))).toEqual(['a: bad_key'])
    }
    const a = z.object({ kind: z.literal('a'), id: z.string() })
    const b = z.object({ kind: z.literal('b'), id: z.enum(['x', 'y']) })
    const c = z.object({ kind: z.literal('c'), id: z.number() })
    expect(problems(topic('a', { schema: z.discriminatedUnion('kind', [a, b]), key: 'id' }))).toEqual([])
    expect(problems(topic('a', { schema: z.discriminatedUnion('kind', [a, c]), key: untyped<'kind'>('id') }))).toEqual([
      'a: bad_key',
    ])
    expect(problems(topic('a', { schema: z.intersection(z.object({ id: z.string() }), a), key: 'id' }))).toEqual([])
  })

  test('K-CONTRACT-6 priority - must be a lane', () => {
    expect(problems(topic('a', { schema, key: 'id', priority: untyped<'high'>('urgent') }))).toEqual([
      'a: bad_priority',
    ])
    const b = source('b')
    const w = b.window('w', { tumbling: '10s', aggregate, priority: untyped(() => 'high') })
    expect(problems(b, w)).toEqual(['w: bad_priority'])
  })

  test('K-CHECK-6 flows - read anything', () => {
    const a = source()
    const flow = a.filter((d) => d.n > 1).to('f', { version: 1 })
    const window = a.window('w', { tumbling: '10s', aggregate })
    const overFlow = flow.map((d) => ({ m: d.n })).to('g', { version: 1 })
    const overWindow = window.filter((p) => p.value.n > 1).to('h', { version: 1 })
    const overThat = overWindow.map((p) => p.value).to('i', { version: 1 })
    expect(problems(a, flow, window, overFlow, overWindow, overThat)).toEqual([])
  })

  test.each([undefined, 0, -1, 1.5, '1'])('K-CHECK-9 flow - version %j is refused', (version) => {
    const a = source()
    expect(problems(a, a.filter(() => true).to('f', { version: untyped(version) }))).toEqual(['f: bad_version'])
  })
})
