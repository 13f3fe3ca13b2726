import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { canonicalJson, specHash } from '../../src/config/changes/hash.ts'
import { defineConfig, topic } from '../../src/index.ts'

const schema = z.object({ id: z.string(), n: z.number(), unit: z.string().default('degC') })
const window = { tumbling: '10s', aggregate: { sum: { sum: 'n' }, count: 'count' } } as const

function contractOf(change: { schema?: typeof schema; key?: 'id' | 'unit'; version?: number; window?: object } = {}) {
  const a = topic('a', { schema: change.schema ?? schema, key: change.key ?? 'id' })
  const f = a.filter((d) => d.n > 1).to('f', { version: change.version ?? 1 })
  const w = a.window('w', { ...window, ...change.window })
  return defineConfig({ topics: [a, f, w] }).contract
}

function sourceOf(priority?: Parameters<typeof topic>[1]['priority'], of: z.ZodType<{ id: string }> = schema) {
  const source = defineConfig({ topics: [topic('a', { schema: of, key: 'id', ...(priority && { priority }) })] })
  const [definition] = source.contract.topics.values()
  if (definition?.kind !== 'source') throw new Error('not a source')
  return definition
}

describe('contract', () => {
  test('K-CONTRACT-1 topics - inputs come first, late topics after their window', () => {
    const a = topic('a', { schema, key: 'id' })
    const b = topic('b', { schema, key: 'id' })
    const w = a.window('w', window)
    const f = w.filter((pane) => pane.value.sum > 1).to('f', { version: 1 })
    const { contract } = defineConfig({ topics: [f, b, w, a] })
    expect([...contract.topics.keys()]).toEqual(['a', 'w', 'w.late', 'f', 'b'])
  })

  test('window - is plain data with every duration in ms and defaults filled', () => {
    expect(contractOf().topics.get('w')).toEqual({
      kind: 'window',
      name: 'w',
      from: ['a'],
      lane: 'normal',
      lateTopic: 'w.late',
      retentionMs: 7 * 86_400_000,
      spec: {
        type: 'tumbling',
        sizeMs: 10_000,
        offsetMs: 0,
        outOfOrdernessMs: 1_000,
        allowedLatenessMs: 60_000,
        clockPer: 'partition',
        accumulation: 'accumulating',
        groupBy: 'key',
        maxKeys: 200_000,
        maxOpen: 250_000,
        aggregate: { sum: { fn: 'sum', field: 'n' }, count: { fn: 'count' } },
      },
      valueSchema: {
        type: 'object',
        properties: { sum: { type: 'number' }, count: { type: 'number' } },
        required: ['sum', 'count'],
      },
    })
    const all = contractOf({ window: { groupBy: null, offset: '-2s' } }).topics.get('w')
    expect(all).toMatchObject({ spec: { groupBy: 'all', offsetMs: -2_000 } })
  })

  test('K-CONTRACT-2 late topic - reads the source and is kept as long as the panes', () => {
    expect(contractOf({ window: { retention: '2h' } }).topics.get('w.late')).toEqual({
      kind: 'late',
      name: 'w.late',
      from: ['a'],
      window: 'w',
      retentionMs: 7_200_000,
    })
  })

  test('flow - steps run in the order written', () => {
    const a = topic('a', { schema, key: 'id' })
    const f = a
      .map((d) => ({ n: d.n * 2 }))
      .filter((d) => d.n > 5)
      .map((d) => ({ n: d.n + 1 }))
      .to('f', { version: 3 })
    const flow = defineConfig({ topics: [a, f] }).contract.topics.get('f')
    if (flow?.kind !== 'flow') throw new Error('not a flow')
    expect(flow.version).toBe(3)
    expect(flow.steps.map((step) => step.op)).toEqual(['map', 'filter', 'map'])
    expect(flow.steps[0]!.apply({ n: 3 })).toEqual({ n: 6 })
    expect(flow.steps[1]!.apply({ n: 6 })).toBe(true)
    expect(flow.steps[2]!.apply({ n: 6 })).toEqual({ n: 7 })
  })

  test('flows - two built on one beginning do not share steps', () => {
    const a = topic('a', { schema, key: 'id' })
    const shared = a.filter((d) => d.n > 1)
    const f = shared.map((d) => d).to('f', { version: 1 })
    const g = shared.to('g', { version: 1 })
    const { topics } = defineConfig({ topics: [a, f, g] }).contract
    expect(topics.get('g')).toMatchObject({ from: 'a', steps: [{ op: 'filter' }] })
    expect(topics.get('f')).toMatchObject({ from: 'a', steps: [{ op: 'filter' }, { op: 'map' }] })
  })
})

const mine = (version: number) => ({
  version,
  init: () => 0,
  add: (state: number) => state + 1,
  merge: (into: number, from: number) => into + from,
  result: (state: number) => state,
  encode: String,
  decode: Number,
})

describe('contract hash', () => {
  const seen: string[] = []

  test('K-CONTRACT-3 hash - is 16 hex digits and does not depend on the order of listing', () => {
    const a = topic('a', { schema, key: 'id' })
    const w = a.window('w', window)
    const hash = defineConfig({ topics: [a, w] }).contract.hash
    expect(hash).toMatch(/^[0-9a-f]{16}$/)
    expect(defineConfig({ topics: [w, a] }).contract.hash).toBe(hash)
  })

  test.each([
    ['schema', { schema: z.object({ ...schema.shape, unit: z.string().default('degF') }) }],
    ['key', { key: 'unit' }],
    ['flow version', { version: 2 }],
    ['window size', { window: { tumbling: '20s' } }],
    ['shape', { window: { tumbling: undefined, hopping: { size: '10s', slide: '10s' } } }],
    ['offset', { window: { offset: '1s' } }],
    ['out-of-orderness', { window: { outOfOrderness: '2s' } }],
    ['lateness', { window: { allowedLateness: '2m' } }],
    ['clocks', { window: { watermark: 'source' } }],
    ['early panes', { window: { emit: { every: '1s' } } }],
    ['accumulation', { window: { accumulation: 'discarding' } }],
    ['grouping', { window: { groupBy: null } }],
    ['field of grouping', { window: { groupBy: 'unit' } }],
    ['filter', { window: { where: { version: 1, keep: () => true } } }],
    ['version of the filter', { window: { where: { version: 2, keep: () => true } } }],
    ['keys', { window: { maxKeys: 10 } }],
    ['states', { window: { maxOpen: 10 } }],
    ['version of a custom aggregate', { window: { aggregate: { sum: { custom: mine(1) } } } }],
    ['aggregate', { window: { aggregate: { sum: { sum: 'n' } } } }],
    ['order of aggregates', { window: { aggregate: { count: 'count', sum: { sum: 'n' } } } }],
  ] as const)('K-CONTRACT-4 hash - changes with the %s, and no two changes give the same', (_what, change) => {
    const { hash } = contractOf(change)
    expect(hash).not.toBe(contractOf().hash)
    expect(seen).not.toContain(hash)
    seen.push(hash)
  })

  test('K-CONTRACT-4 hash - of a custom aggregate follows its version, not its functions', () => {
    const hashOf = (version: number, init = () => 0) =>
      contractOf({ window: { aggregate: { sum: { custom: { ...mine(version), init } } } } }).hash
    expect(hashOf(1)).toBe(hashOf(1, () => 7))
    expect(hashOf(1)).not.toBe(hashOf(2))
  })

  test('K-CHECK-14 maxFuture - is longer than nothing, 5 s by default, and not part of the hash', () => {
    const sourceWith = (maxFuture?: '1m' | '0s') => {
      const source = topic('a', { schema, key: 'id', ...(maxFuture && { maxFuture: maxFuture as '1m' }) })
      return defineConfig({ topics: [source] }).contract
    }
    const declared = sourceWith('1m')
    expect(declared.topics.get('a')).toMatchObject({ maxFutureMs: 60_000 })
    expect(sourceWith().topics.get('a')).toMatchObject({ maxFutureMs: 5_000 })
    expect(declared.hash).toBe(sourceWith().hash)
    expect(() => sourceWith('0s')).toThrow(/maxFuture must be longer than nothing/)
  })

  test('K-CONTRACT-4 hash - stays with another retention or priority', () => {
    expect(contractOf({ window: { retention: '1h', priority: 'high' } }).hash).toBe(contractOf().hash)
  })

  test('K-CONTRACT-3 canonicalJson - sorts keys at every depth and keeps array order', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 1], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1},1]}')
  })
})

describe('specHash', () => {
  const hashOf = (contract: ReturnType<typeof contractOf>, name = 'w') => {
    const window = contract.topics.get(name)
    if (window?.kind !== 'window') throw new Error('not a window')
    return specHash(window, contract.topics)
  }

  test('K-CONTRACT-7 specHash - changes with the spec and the filter, not with what results do not depend on', () => {
    const hash = hashOf(contractOf())
    expect(hash).toMatch(/^[0-9a-f]{16}$/)
    expect(hashOf(contractOf({ window: { retention: '1h', priority: 'high' } }))).toBe(hash)
    expect(hashOf(contractOf({ version: 2 }))).toBe(hash)
    expect(hashOf(contractOf({ schema: z.object({ ...schema.shape, unit: z.string().default('degF') }) }))).toBe(hash)
    expect(hashOf(contractOf({ key: 'unit' }))).not.toBe(hash)
    expect(hashOf(contractOf({ window: { allowedLateness: '2m' } }))).not.toBe(hash)
    expect(hashOf(contractOf({ window: { where: { version: 1, keep: () => true } } }))).not.toBe(hash)
  })

  test('K-CONTRACT-7 specHash - changes with every flow and window in between', () => {
    const chain = (version: number, tumbling: '1s' | '2s') => {
      const a = topic('a', { schema, key: 'id' })
      const f = a.filter((d) => d.n > 1).to('f', { version })
      const w = f.window('w', { tumbling, allowedLateness: '0s', aggregate: { max: { max: 'n' } } })
      const v = w.window('v', { tumbling: '1m', aggregate: { max: { max: 'value.max' } } })
      return hashOf(defineConfig({ topics: [a, f, w, v] }).contract, 'v')
    }
    expect(chain(1, '1s')).toBe(chain(1, '1s'))
    expect(chain(2, '1s')).not.toBe(chain(1, '1s'))
    expect(chain(1, '2s')).not.toBe(chain(1, '1s'))
  })
})

describe('validate', () => {
  test('K-CONTRACT-5 validate - fills defaults and drops unknown fields', () => {
    expect(sourceOf().validate({ id: 'x', n: 1, extra: true })).toEqual({
      ok: true,
      data: { id: 'x', n: 1, unit: 'degC' },
    })
  })

  test('K-CONTRACT-5 validate - names path and reason of the first issue', () => {
    const nested = z.object({ id: z.string(), lines: z.array(z.object({ price: z.number() })) })
    expect(sourceOf('low', nested).validate({ id: 'x', lines: [{ price: 1 }, { price: 'free' }] })).toEqual({
      ok: false,
      path: 'lines.1.price',
      message: 'Invalid input: expected number, received string',
    })
    for (const data of [null, undefined, 'text', 7, []]) {
      expect(sourceOf().validate(data)).toMatchObject({ ok: false, path: '' })
    }
  })

  test('K-CONTRACT-5 validate - a throwing or asynchronous refinement refuses the event', () => {
    const throwing = schema.refine(() => {
      throw new Error('oops')
    })
    expect(sourceOf('low', throwing).validate({ id: 'x', n: 1 })).toMatchObject({
      ok: false,
      cause: expect.objectContaining({ message: 'oops' }),
    })
    const asynchronous = schema.refine(async () => true)
    expect(sourceOf('low', asynchronous).validate({ id: 'x', n: 1 })).toMatchObject({ ok: false, path: '' })
  })
})

describe('laneOf', () => {
  test('K-CONTRACT-6 laneOf - is normal by default, a constant, or the rule', () => {
    expect(sourceOf().laneOf({})).toBe('normal')
    expect(sourceOf('high').laneOf({})).toBe('high')
    expect(sourceOf((data) => ((data as { n: number }).n > 1 ? 'high' : 'low')).laneOf({ n: 2 })).toBe('high')
  })

  test('K-CONTRACT-6 laneOf - a rule that throws or answers no lane gives normal', () => {
    const throwing = sourceOf((data) => (data as { missing: { lane: 'high' } }).missing.lane)
    expect(throwing.laneOf({})).toBe('normal')
    expect(sourceOf(() => 'urgent' as never).laneOf({})).toBe('normal')
    expect(sourceOf(() => undefined as never).laneOf({})).toBe('normal')
  })
})
