import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Replay } from '../../src/cli/windows/replay.ts'
import { readReplaySpec } from '../../src/cli/windows/replay-spec.ts'

type Pane = { readonly [field in 'timing' | 'start' | 'end' | 'value' | 'revision']: unknown }

const TIDEGATE = fileURLToPath(new URL('../../bin/tidegate.js', import.meta.url))

function tidegate(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TIDEGATE, 'window', ...args], {
    input,
    encoding: 'utf8',
  })
  return { status, stderr, lines: stdout.split('\n').filter((line) => line !== '') }
}

/** The lines of each step. */
function replay(spec: object, ...steps: readonly object[]): object[][] {
  const replay = new Replay(readReplaySpec(JSON.stringify(spec)))
  return steps.map((step) => replay.step(step))
}

const told = ({ timing, start, end, value, revision }: Pane) => `${timing} [${start},${end}) ${value} r${revision}`

const event = (time: number, value: unknown = 1, more: object = {}) => ({ event: { key: 'a', time, value, ...more } })

describe('tidegate window replay', () => {
  it('X-REPLAY-1 writes what each step leads to: panes, withdrawals, late events, the watermark when it moved, the step', () => {
    const steps = [event(1, 2), event(30, 3), event(5, 4), event(500, 1), event(6), { end: true }]
    const spec = { type: 'session', gap: 10, aggregate: 'list', allowedLateness: '100ms' }
    const { status, lines } = tidegate(
      ['replay', '--spec', JSON.stringify(spec)],
      steps.map((step) => `${JSON.stringify(step)}\n`).join('\n'),
    )
    expect(status).toBe(0)
    const pane = (start: number, end: number, value: unknown, timing: string, revision: number, final: boolean) => ({
      pane: { key: 'a', start, end, value, timing, revision, final },
    })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { watermark: 1 },
      { step: 1 },
      pane(1, 11, [2], 'on_time', 0, false),
      { watermark: 30 },
      { step: 2 },
      { withdraw: { key: 'a', start: 1, end: 11, revision: 0 } },
      pane(1, 15, [2, 4], 'late', 1, false),
      { step: 3 },
      pane(30, 40, [3], 'on_time', 0, true),
      { watermark: 500 },
      { step: 4 },
      { late: { key: 'a', time: 6, value: 1 } },
      { step: 5 },
      pane(500, 510, [1], 'on_time', 0, true),
      { watermark: Number.MAX_SAFE_INTEGER },
      { step: 6 },
    ])
  })

  it('X-REPLAY-2 a snapshot changes nothing', () => {
    const steps = [event(1, 2), event(12, 1), event(3, 5), { clock: 10_000 }, event(8, 1), event(40), { end: true }]
    const spec = { type: 'hopping', size: 10, slide: 4, allowedLateness: 20, emit: { every: '5s' }, aggregate: 'sum' }
    const whole = replay(spec, ...steps)
    const saved = replay(spec, ...steps.flatMap((step) => [step, { snapshot: true }]))
    const withoutSteps = (all: object[][]) => all.flat().filter((line) => !('step' in line))
    expect(withoutSteps(saved)).toEqual(withoutSteps(whole))
  })

  it('X-REPLAY-3 with explicit watermarks only their steps move time, per source where they name one', () => {
    const spec = { type: 'tumbling', size: 10, watermarks: 'explicit' }
    const [, , first, second] = replay(
      spec,
      event(1, 1, { source: 'x' }),
      event(99, 1, { source: 'y' }),
      { watermark: 50, source: 'x' },
      { watermark: 20, source: 'y' },
    )
    expect(first).toEqual([{ step: 3 }])
    expect(second).toMatchObject([{ pane: { start: 0, end: 10, value: 1 } }, { watermark: 20 }, { step: 4 }])
  })

  it('X-REPLAY-4 an idle source holds nobody back; with all idle the clock closes the rest', () => {
    const spec = { type: 'tumbling', size: '10s', outOfOrderness: '2s' }
    const lines = replay(
      spec,
      event(1_000, 1, { source: 'x' }),
      event(11_000, 1, { source: 'y' }),
      { idle: 'x' },
      event(12_500, 1, { source: 'y' }),
      { clock: 1_000_000 },
      { idle: 'y' },
      { clock: 1_007_500 },
    )
    expect(lines[2]).toEqual([{ watermark: 9_000 }, { step: 3 }])
    expect(lines[3]).toMatchObject([{ pane: { start: 0 } }, { watermark: 10_500 }, { step: 4 }])
    expect(lines[5]).toEqual([{ watermark: 12_500 }, { step: 6 }])
    expect(lines[6]).toMatchObject([{ pane: { start: 10_000, value: 2 } }, { watermark: 20_000 }, { step: 7 }])
  })

  it('X-REPLAY-5 judges the lateness of a bundle by the watermark before it', () => {
    const bundle = [event(100).event, event(1).event]
    const [lines] = replay({ type: 'tumbling', size: 10 }, { bundle })
    expect(lines).toMatchObject([{ pane: { start: 0, timing: 'on_time' } }, { watermark: 100 }, { step: 1 }])
    expect(replay({ type: 'tumbling', size: 10 }, event(100), event(1))[1]).toMatchObject([{ late: {} }, { step: 2 }])
  })

  it('X-REPLAY-6 names aggregates where the spec does', () => {
    const aggregate = { n: 'count', mean: { avg: 'c' }, peak: { fn: 'max', field: 'c' } }
    const [, lines] = replay({ type: 'tumbling', size: 10, aggregate }, event(1, { c: 4 }), { end: true })
    expect(lines).toMatchObject([{ pane: { value: { n: 1, mean: 4, peak: 4 } } }, {}, {}])
  })

  it('X-REPLAY-7 ends with 1 at a line that is no step, and says which and why', () => {
    const spec = JSON.stringify({ type: 'tumbling', size: 10 })
    for (const [line, why] of [
      ['{', /line 2: .*JSON/],
      ['{"evnt":{}}', /line 2: a step has one of event, bundle/],
      ['{"event":{"key":"a","time":"soon"}}', /line 2: time is a whole number of ms, not "soon"/],
      ['{"event":{"key":"a","time":9007199254740991}}', /line 2: time is at most 8640000000000000 ms from 1970/],
      ['{"event":{"key":"a","time":1},"watermark":5}', /line 2: a step has one of event, bundle/],
      ['{"event":{"time":1}}', /line 2: the key of an event is a string/],
      ['{"bundle":{}}', /line 2: a bundle is a list of events/],
      ['{"end":false}', /line 2: end is true or absent/],
    ] as const) {
      const { status, stderr } = tidegate(['replay', '--spec', spec], `{"clock":1}\n${line}\n`)
      expect(status).toBe(1)
      expect(stderr).toMatch(why)
    }
  })

  it('X-REPLAY-8 refuses a value that an aggregate of numbers cannot take, as a schema would', () => {
    const of = (aggregate: unknown, value: unknown) => () =>
      replay({ type: 'tumbling', size: 10, aggregate }, event(1, value))
    expect(of('sum', '1')).toThrow('sum needs a number as value, not "1"')
    expect(of({ fn: 'quantiles', at: [0.5] }, null)).toThrow('quantiles needs a number as value, not null')
    expect(of({ top: { topK: 'id', k: 2, by: 'w' } }, { id: 1 })).toThrow('topK needs a number at w of the value')
    expect(of({ mean: { avg: 'c.d' } }, { c: { d: 1 } })).not.toThrow()
    expect(of({ all: 'list', n: 'count', some: { distinct: 'x' } }, null)).not.toThrow()
  })

  it('X-REPLAY-9 ends with 0 when its reader has seen enough, or there is no step', async () => {
    const spec = JSON.stringify({ type: 'tumbling', size: 10 })
    expect(tidegate(['replay', '--spec', spec], '\n')).toEqual({ status: 0, stderr: '', lines: [] })
    const child = spawn(process.execPath, [TIDEGATE, 'window', 'replay', '--spec', spec])
    child.stdin.on('error', () => {}) // it stops reading
    child.stdin.write(Array.from({ length: 50_000 }, (_, time) => `${JSON.stringify(event(time))}\n`).join(''))
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const errors: Buffer[] = []
    child.stderr.on('data', (data) => errors.push(data))
    const [status] = await once(child, 'close')
    expect({ status, stderr: `${Buffer.concat(errors)}` }).toEqual({ status: 0, stderr: '' })
  })

  it('X-REPLAY-10 drives what workers drive: early, on time and late panes, accumulating or discarding', () => {
    const steps = [event(1, 1), { clock: 5 }, event(2, 2), { clock: 11 }, event(12, 9), event(3, 4), event(31, 1)]
    const spec = { type: 'tumbling', size: 10, allowedLateness: 20, emit: { every: 10 }, aggregate: 'sum' }
    const shown = (accumulation: string) =>
      replay({ ...spec, accumulation }, ...steps, event(4, 1))
        .flat()
        .flatMap((line) => ('pane' in line ? [told(line.pane as Pane)] : 'late' in line ? ['late event'] : []))
    expect(shown('accumulating')).toEqual([
      'early [0,10) 1 r0',
      'early [0,10) 3 r1',
      'on_time [0,10) 3 r2',
      'late [0,10) 7 r3',
      'on_time [10,20) 9 r0',
      'late event',
    ])
    expect(shown('discarding')).toEqual([
      'early [0,10) 1 r0',
      'early [0,10) 2 r1',
      'late [0,10) 4 r2',
      'on_time [10,20) 9 r0',
      'late event',
    ])
  })
})

describe('tidegate window assign', () => {
  it('X-ASSIGN-1 writes the windows of each time, negative ones as well', () => {
    const spec = JSON.stringify({ type: 'hopping', size: 10, slide: 4, offset: 1 })
    const { status, lines } = tidegate(['assign', '--spec', spec, '-5', '0'])
    expect(status).toBe(0)
    expect(lines).toEqual(['{"time":-5,"windows":[[-11,-1],[-7,3]]}', '{"time":0,"windows":[[-7,3],[-3,7]]}'])
  })

  it('X-ASSIGN-2 reads the spec from a file as well', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-spec-'))
    try {
      writeFileSync(join(folder, 'spec.json'), '{"type":"session","gap":"5s"}')
      const { lines } = tidegate(['assign', '--spec', join(folder, 'spec.json'), '7'])
      expect(lines).toEqual(['{"time":7,"windows":[[7,5007]]}'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each(['1.5', '99999999999999999999', '-1x'])('X-ASSIGN-3 is refused: %s', (time) => {
    const { status, stderr } = tidegate(['assign', '--spec', '{"type":"tumbling","size":10}', '--', time])
    expect(status).toBe(1)
    expect(stderr).toMatch(/a time is a whole number of ms, not/)
  })
})

describe('window spec', () => {
  it.each([
    [{ type: 'tumbling', size: 10, offset: 10 }, /offset \(10 ms\) must be shorter than size/],
    [{ type: 'tumbling', size: 10, offset: -10 }, /offset \(-10 ms\) must be shorter than size/],
    [{ type: 'hopping', size: 10, slide: 4, offset: 4 }, /offset \(4 ms\) must be shorter than slide/],
    [{ type: 'tumbling', size: 0 }, /size must be at least 1 ms/],
    [{ type: 'hopping', size: 10 }, /slide is missing/],
    [{ type: 'hopping', size: 10, slide: -1 }, /slide must be at least 1 ms/],
    [{ type: 'session' }, /gap is missing/],
    [{ type: 'session', gap: '5 s' }, /gap: /],
    [{ type: 'tumbling', size: 1.5 }, /size must be whole ms/],
    [{ type: 'cumulate', size: 10 }, /type must be/],
    [{ type: 'tumbling', size: 10, slide: 5 }, /a tumbling window has no slide/],
    [{ type: 'tumbling', size: 10, lateness: 5 }, /the spec has no lateness/],
    [{ type: 'tumbling', size: 10, allowedLateness: -1 }, /allowedLateness must be at least 0 ms/],
    [{ type: 'tumbling', size: 10, accumulation: 'both' }, /accumulation is "both"; it must be one of/],
    [{ type: 'tumbling', size: 10, emit: 'always' }, /emit must be/],
    [{ type: 'tumbling', size: 10, watermarks: 'none' }, /watermarks is "none"; it must be one of/],
    [{ type: 'tumbling', size: 2 ** 53 - 1 }, /size must be at most/],
    [{ type: 'hopping', size: '1d', slide: 1 }, /into 86400000 windows/],
    [{ type: 'tumbling', size: 10, aggregate: 'median' }, /there is no aggregate "median"/],
    [{ type: 'tumbling', size: 10, aggregate: {} }, /aggregate must be one of count, sum/],
    [{ type: 'tumbling', size: 10, aggregate: ['sum'] }, /aggregate must be one of count, sum/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'quantiles' } }, /aggregate: at must name quantiles/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'quantiles', at: [0, 1] } }, /aggregate: at must name quantiles/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'topK' } }, /aggregate: k must be a whole number from 1 to 100/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'topK', k: 3, by: 'w' } }, /by needs topK to name a field/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'sum', k: 3 } }, /aggregate: k cannot stand beside sum/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'sum', sum: 'x' } }, /aggregate: sum cannot stand beside sum/],
    [{ type: 'tumbling', size: 10, aggregate: { n: { count: 'x' } } }, /aggregate n: count is of events/],
    [{ type: 'tumbling', size: 10, aggregate: { fn: 'count', k: 1 } }, /aggregate: k cannot stand beside count/],
    [{ type: 'tumbling', size: 10, aggregate: { x: { sum: 5 } } }, /aggregate x: sum must be the name of a field/],
    [{ type: 'tumbling', size: 10, aggregate: { x: { sum: 'a', avg: 'b' } } }, /aggregate x: avg cannot stand beside/],
    [{ type: 'tumbling', size: 10, aggregate: { x: { custom: {} } } }, /aggregate x: there is no aggregate/],
  ])('X-SPEC-1 is refused with a reason: %j', (spec, reason) => {
    expect(() => readReplaySpec(JSON.stringify(spec))).toThrow(reason)
  })

  it('X-SPEC-2 ends the command with 1 and the reason', () => {
    const { status, stderr, lines } = tidegate(['assign', '--spec', '{"type":"tumbling","size":"10x"}', '1'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/tidegate window: size: /)
    expect(lines).toEqual([])
  })

  it.each([
    ['nowhere.json', /--spec "nowhere.json" is neither a JSON object nor a file: ENOENT/],
    ['{"type":', /the spec is not JSON/],
    ['[1]', /the spec is not a JSON object/],
  ])('X-SPEC-2 what holds no spec is refused: %s', (option, reason) => {
    expect(() => readReplaySpec(option)).toThrow(reason)
  })

  it('X-SPEC-3 a slide longer than the size is allowed', () => {
    expect(readReplaySpec('{"type":"hopping","size":3,"slide":10}').window).toMatchObject({ sizeMs: 3, slideMs: 10 })
  })
})
