import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ProblemCode } from '../../src/config/config-error.ts'
import type { Declaration } from '../../src/config/declarations/declaration.ts'
import { topic, windowOf } from '../../src/config/declarations/topic.ts'
import { resolveContract } from '../../src/config/resolve.ts'
import { aggregate, problems, resolve, resolved, source, windowWith } from './support.ts'

const keep = () => true

describe('window shapes', () => {
  test('K-WINDOW-1 tumbling - size and offset in ms; an offset may point either way', () => {
    expect(resolved({ tumbling: '10s' }).spec).toMatchObject({ type: 'tumbling', sizeMs: 10_000, offsetMs: 0 })
    expect(resolved({ tumbling: '1d', offset: '-8h' }).spec).toMatchObject({ offsetMs: -28_800_000 })
  })

  test('K-WINDOW-1 hopping - a slide may be longer than the size', () => {
    const hopping = { size: '60s', slide: '1s' }
    const spec = { type: 'hopping', sizeMs: 60_000, slideMs: 1_000, offsetMs: 999 }
    expect(resolved({ hopping, offset: '999ms' }).spec).toMatchObject(spec)
    const gaps = { type: 'hopping', sizeMs: 1_000, slideMs: 60_000, offsetMs: -59_000 }
    expect(resolved({ hopping: { size: '1s', slide: '60s' }, offset: '-59s' }).spec).toMatchObject(gaps)
  })

  test('K-WINDOW-1 session - has a gap and nothing else of a shape', () => {
    const { spec } = resolved({ session: { gap: '30s' } })
    expect(spec).toMatchObject({ type: 'session', gapMs: 30_000 })
    expect(Object.keys(spec)).not.toContain('offsetMs')
  })

  test.each([
    [{}, 'bad_window', /one of tumbling, hopping, session: there is none/],
    [{ tumbling: '1s', session: { gap: '1s' } }, 'bad_window', /there is tumbling and session/],
    [{ tumbling: '1s', hopping: { size: '2s', slide: '1s' } }, 'bad_window', /tumbling and hopping/],
    [{ tumbling: '99ms' }, 'bad_window', /at least 100ms/],
    [{ tumbling: '10s', offset: '10s' }, 'bad_window', /shorter than the window of 10000ms/],
    [{ tumbling: '10s', offset: '-10s' }, 'bad_window', /shorter than the window/],
    [{ tumbling: '10x' }, 'bad_duration', /tumbling: "10x" is not a duration/],
    [{ hopping: '10s' }, 'bad_window', /hopping must be \{ size, slide \}/],
    [{ hopping: { size: '10s' } }, 'bad_duration', /hopping\.slide/],
    [{ hopping: { size: '10s', slide: '99ms' } }, 'bad_window', /hopping\.slide must be at least/],
    [{ hopping: { size: '99ms', slide: '1s' } }, 'bad_window', /hopping\.size must be at least/],
    [{ hopping: { size: '3h', slide: '100ms' } }, 'bad_window', /into 108000 windows/],
    [{ hopping: { size: '10s', slide: '1s' }, offset: '1s' }, 'bad_window', /shorter than the slide of 1000ms/],
    [{ hopping: { size: '10s', slide: '1s' }, offset: '-2s' }, 'bad_window', /shorter than the slide/],
    [{ hopping: { size: '10s', slide: '1s', gap: '1s' } }, 'bad_window', /hopping has no gap/],
    [{ session: '30s' }, 'bad_window', /session must be \{ gap \}/],
    [{ session: { gap: '0s' } }, 'bad_window', /session\.gap must be at least/],
    [{ session: { gap: '-1s' } }, 'bad_window', /session\.gap must be at least/],
    [{ session: { gap: '30s' }, offset: '1s' }, 'bad_window', /nothing to shift/],
  ] as const satisfies readonly (readonly [object, ProblemCode, RegExp])[])(
    'K-CHECK-7 window - %j is refused',
    (options, code, reason) => {
      const topics = windowWith({ aggregate, ...options })
      expect(problems(...topics)).toEqual([`w: ${code}`])
      expect(() => resolve(...topics)).toThrow(reason)
    },
  )
})

describe('window options', () => {
  test('K-WINDOW-2 defaults - panes on close that hold everything, a clock per partition, a group per key', () => {
    const { spec, where } = resolved({ tumbling: '10s' })
    expect(spec).toMatchObject({ clockPer: 'partition', accumulation: 'accumulating', groupBy: 'key' })
    expect(spec).toMatchObject({ maxKeys: 200_000, maxOpen: 250_000 })
    expect(spec.emitEveryMs).toBeUndefined()
    expect(where).toBeUndefined()
  })

  test('K-WINDOW-2 options - each has its place in the spec', () => {
    const { spec, where } = resolved({
      tumbling: '10s',
      outOfOrderness: '3s',
      allowedLateness: '0s',
      watermark: 'key',
      emit: { every: '5s' },
      accumulation: 'discarding',
      where: { version: 3, keep },
      maxKeys: 7,
      maxOpen: 9,
    })
    expect(spec).toMatchObject({ outOfOrdernessMs: 3_000, allowedLatenessMs: 0, clockPer: 'key', emitEveryMs: 5_000 })
    expect(spec).toMatchObject({ accumulation: 'discarding', maxKeys: 7, maxOpen: 9 })
    expect(where).toEqual({ version: 3, keep })
  })

  test('K-WINDOW-7 maxBehind - is an hour with clocks per source or key, and nothing without', () => {
    const maxBehindMs = (more: object) => resolved({ tumbling: '10s', ...more }).spec.maxBehindMs
    expect(maxBehindMs({})).toBeUndefined()
    expect(maxBehindMs({ watermark: 'source' })).toBe(3_600_000)
    expect(maxBehindMs({ watermark: 'key', maxBehind: '5m' })).toBe(300_000)
  })

  test('K-WINDOW-3 groupBy - null is all keys, a name or path a field that holds strings', () => {
    const groupBy = (declared: unknown) => resolved({ tumbling: '10s', groupBy: declared }).spec.groupBy
    expect(groupBy(null)).toBe('all')
    expect(groupBy('site')).toEqual({ field: 'site' })
    for (const bad of ['n', 'note', 'nope', 'at', 'at.label', 'at.x', '', 7]) {
      expect(problems(...windowWith({ tumbling: '10s', aggregate, groupBy: bad }))).toEqual(['w: bad_window'])
    }
  })

  test.each([
    [{ outOfOrderness: '-1s' }, 'bad_duration'],
    [{ allowedLateness: '-1s' }, 'bad_duration'],
    [{ retention: '0s' }, 'bad_duration'],
    [{ watermark: 'fleet' }, 'bad_window'],
    [{ maxBehind: '1h' }, 'bad_window'],
    [{ watermark: 'key', maxBehind: '0s' }, 'bad_duration'],
    [{ accumulation: 'retracting' }, 'bad_window'],
    [{ emit: '5s' }, 'bad_window'],
    [{ emit: null }, 'bad_window'],
    [{ emit: {} }, 'bad_duration'],
    [{ emit: { every: '99ms' } }, 'bad_window'],
    [{ where: keep }, 'bad_window'],
    [{ where: { version: 1 } }, 'bad_window'],
    [{ where: { keep } }, 'bad_version'],
    [{ where: { keep, version: 0 } }, 'bad_version'],
    [{ maxKeys: 0 }, 'bad_window'],
    [{ maxOpen: 1.5 }, 'bad_window'],
    [{ allowedLatenes: '1s' }, 'bad_window'],
  ] as const satisfies readonly (readonly [object, ProblemCode])[])(
    'K-CHECK-10 window - %j is refused',
    (options, code) => {
      expect(problems(...windowWith({ tumbling: '10s', aggregate, ...options }))).toEqual([`w: ${code}`])
    },
  )

  test.each([{ hopping: { size: '10s', slide: '1s' } }, { session: { gap: '1s' } }])(
    'K-CHECK-12 window - %j with groups other than keys is refused',
    (shape) => {
      expect(problems(...windowWith({ ...shape, aggregate, groupBy: null }))).toEqual(['w: bad_window'])
      expect(problems(...windowWith({ ...shape, aggregate, groupBy: 'site' }))).toEqual(['w: bad_window'])
    },
  )

  test('K-CHECK-12 window - discarding panes of groups other than keys are refused', () => {
    const discarding = { tumbling: '10s', aggregate, accumulation: 'discarding' }
    expect(problems(...windowWith({ ...discarding, groupBy: null }))).toEqual(['w: bad_window'])
    expect(problems(...windowWith(discarding))).toEqual([])
  })
})

describe('windows over results', () => {
  const a = source()
  const perKey = a.window('w', { tumbling: '10s', allowedLateness: '0s', aggregate: { avg: { avg: 'n' }, c: 'count' } })

  test('K-WINDOW-4 panes - their fields are paths', () => {
    const v = perKey.window('v', { tumbling: '1m', aggregate: { top: { max: 'value.avg' }, r: { sum: 'revision' } } })
    expect(resolve(a, perKey, v).topics.get('v')).toMatchObject({
      from: ['w'],
      spec: { aggregate: { top: { fn: 'max', field: 'value.avg' }, r: { fn: 'sum', field: 'revision' } } },
    })
  })

  test.each(['source', 'key'] as const)('K-CHECK-13 panes - a clock per %s is refused', (watermark) => {
    const v = perKey
      .filter(() => true)
      .to('f', { version: 1 })
      .window('v', { tumbling: '1m', watermark, aggregate: { c: 'count' } })
    expect(problems(a, perKey, v)).toContain('v: bad_window')
  })

  test.each(['avg', 'value', 'value.nope', 'value.avg.x', 'timing'])('K-CHECK-8 panes - no number at %s', (field) => {
    const v = perKey.window('v', { tumbling: '1m', aggregate: { x: { max: field as 'value.avg' } } })
    expect(problems(a, perKey, v)).toEqual(['v: bad_aggregate'])
  })

  test('K-CHECK-8 flows - a filter keeps what is known of the data, unless it may narrow it; a map does not', () => {
    const some = a.filter((d) => d.n > 1).to('f', { version: 1 })
    const noted = a.filter((d): d is typeof d & { note: string } => d.note !== undefined).to('g', { version: 1 })
    const mapped = a.map((d) => ({ m: d.n })).to('h', { version: 1 })
    const topics = [
      a,
      some,
      noted,
      mapped,
      some.window('f1', { tumbling: '1s', aggregate: { x: { sum: 'n' }, y: { last: 'site' } } }),
      noted.window('g1', { tumbling: '1s', aggregate: { x: { first: 'note' } } }),
      mapped.window('h1', { tumbling: '1s', aggregate: { x: { sum: 'm' }, y: { last: 'm' } } }),
    ]
    const schemas = ['f1', 'g1', 'h1'].map((name) => {
      const window = resolve(...topics).topics.get(name)
      return window?.kind === 'window' && (window.valueSchema as { properties: object }).properties
    })
    expect(schemas).toEqual([
      { x: { type: 'number' }, y: { type: 'string', enum: ['north', 'south'] } },
      { x: {} },
      { x: { type: 'number' }, y: {} },
    ])
  })

  test('K-CHECK-11 panes that may be revised - would count again, and are refused', () => {
    const over = (upstream: object) => {
      const w = a.window('w', { tumbling: '10s', aggregate, ...upstream })
      const mapped = w.map((pane) => pane.value).to('m', { version: 1 })
      const filtered = w.filter((pane) => pane.timing === 'on_time').to('t', { version: 1 })
      return problems(
        a,
        w,
        mapped,
        filtered,
        w.window('direct', { tumbling: '1m', aggregate }),
        mapped.window('behind_map', { tumbling: '1m', aggregate }),
        filtered.window('behind_filter', { tumbling: '1m', aggregate }),
        w.window('where', {
          tumbling: '1m',
          aggregate,
          where: { version: 1, keep: (pane) => pane.timing === 'on_time' },
        }),
      )
    }
    const refused = ['direct: bad_window', 'behind_map: bad_window']
    expect(over({ allowedLateness: '0s' })).toEqual([])
    expect(over({ allowedLateness: '1m', accumulation: 'discarding', emit: { every: '1s' } })).toEqual([])
    expect(over({ allowedLateness: '1m' })).toEqual(refused)
    expect(over({ allowedLateness: '0s', emit: { every: '1s' } })).toEqual(refused)
  })

  test('K-CHECK-1 a broken input - is reported once, not by what reads it', () => {
    const broken = a.window('w', { tumbling: '1ms', aggregate })
    const over = broken.window('v', { tumbling: '1m', aggregate: { x: { max: 'value.n' } } })
    expect(problems(a, broken, over)).toEqual(['w: bad_window'])
  })
})

describe('windows over several topics', () => {
  const a = source()
  const b = topic('b', { schema: z.object({ who: z.string(), n: z.int(), m: z.number() }), key: 'who' })

  test('K-WINDOW-5 windowOf - reads all of them and puts late events of all into one topic', () => {
    const { topics } = resolve(a, b, windowOf([a, b], 'w', { tumbling: '1s', aggregate: { n: { last: 'n' } } }))
    expect(topics.get('w')).toMatchObject({ kind: 'window', from: ['a', 'b'] })
    expect(topics.get('w.late')).toMatchObject({ kind: 'late', from: ['a', 'b'] })
    expect([...topics.keys()]).toEqual(['a', 'b', 'w', 'w.late'])
  })

  test('K-CHECK-8 windowOf - a field that one of them lacks is refused', () => {
    const w = windowOf([a, b], 'w', { tumbling: '1s', aggregate: { m: { sum: 'm' as 'n' } } })
    expect(problems(a, b, w)).toEqual(['w: bad_aggregate'])
  })

  test('K-CHECK-3 K-CHECK-6 windowOf - every input is listed, at least one, none twice', () => {
    const w = (...inputs: (typeof a)[]) => windowOf(inputs, 'w', { tumbling: '1s', aggregate })
    expect(problems(a, w(a, source('c'), source('d')))).toEqual(['w: unlisted_input', 'w: unlisted_input'])
    expect(problems(w())).toEqual(['w: bad_window'])
    expect(problems(a, w(a, a))).toEqual(['w: bad_window'])
  })

  test('K-CHECK-3 cycles - are found through any of the inputs', () => {
    const inputs: Declaration[] = [a['~declaration']]
    const w: Declaration = { kind: 'window', name: 'w', from: inputs, options: { tumbling: '1s', aggregate } }
    const f: Declaration = { kind: 'flow', name: 'f', from: w, steps: [], version: 1, priority: 'low', retention: '1h' }
    inputs.push(f)
    expect(() => resolveContract([a['~declaration'], w, f])).toThrow(/f: it reads w, which reads it \[cycle\]/)
  })
})
