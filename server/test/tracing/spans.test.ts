import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { RecordBatchBuilder } from '../../src/bus/index.ts'
import { Entry, TracedEvents } from '../../src/delivery/wire/index.ts'
import { loadTracing, Spans, Traces, type Tracing } from '../../src/tracing/index.ts'
import { SpanBudget } from '../../src/tracing/span-budget.ts'
import { useTracing } from './test-tracing.ts'

const idOf = (n: number, digits: number) => (n + 1).toString(16).padStart(digits, '0')
const contextOf = (trace: number, span = 0, flags = '01') => ({
  traceparent: `00-${idOf(trace, 32)}-${idOf(span, 16)}-${flags}`,
})
const tracesOf = (...contexts: readonly { traceparent: string; tracestate?: string }[]) => {
  const traces = new Traces()
  for (const context of contexts) traces.add(context)
  return traces
}

let decide: () => SamplingDecision = () => SamplingDecision.RECORD_AND_SAMPLED
const sampler: Sampler = { shouldSample: () => ({ decision: decide() }), toString: () => 'test' }
const tracing = useTracing(sampler)
let now = 1_000
const defects: unknown[] = []
const clock = { now: () => Date.now(), monotonic: () => now }
const open = (options: Partial<Tracing> = {}) =>
  new Spans({ api: tracing.api, ...options }, clock, (_, error) => String(defects.push(error)))
const WORK = { name: 'work', kind: 'server', durationMs: 5, attributes: { count: 1 } } as const

afterEach(() => {
  decide = () => SamplingDecision.RECORD_AND_SAMPLED
  tracing.reset()
  defects.length = 0
})

describe('spans', () => {
  it('TR-WORK-1 are one for each trace, linked to its other contexts, of the first 16 traces', () => {
    const contexts = Array.from({ length: 20 }, (_, trace) => [
      contextOf(trace, 0),
      contextOf(trace, 0),
      contextOf(trace, 1),
    ])
    open().record(tracesOf(...contexts.flat(), ...Array.from({ length: 40 }, (_, span) => contextOf(0, span))), WORK)
    const spans = tracing.spans()
    expect(spans.map((span) => span.spanContext().traceId)).toEqual(Array.from({ length: 16 }, (_, n) => idOf(n, 32)))
    for (const span of spans) expect(span.parentSpanContext).toMatchObject({ spanId: idOf(0, 16), isRemote: true })
    expect(spans.map(({ links }) => links.length)).toEqual([16, ...Array.from({ length: 15 }, () => 1)])
  })

  it('TR-WORK-2 are made when their work is done, with the time at which it began', () => {
    const at = Date.now()
    open().record(tracesOf({ ...contextOf(1), tracestate: 'v=1' }), { ...WORK, durationMs: 250, error: 'unavailable' })
    const [span] = tracing.spans()
    expect(span).toMatchObject({ name: 'work', ended: true, attributes: { 'error.type': 'unavailable', count: 1 } })
    expect(span!.parentSpanContext?.traceState?.serialize()).toBe('v=1')
    expect(span!.duration[0] + span!.duration[1] / 1e9).toBeCloseTo(0.25, 3)
    expect(span!.endTime[0] * 1_000 + span!.endTime[1] / 1e6 - at).toBeLessThan(1_000)
  })

  it('TR-SAMPLE-1 are none of traces that are not recorded, or that the sampler refuses', () => {
    let asked = 0
    decide = () => {
      asked++
      return SamplingDecision.NOT_RECORD
    }
    open().record(tracesOf(contextOf(1, 0, '00'), contextOf(2)), WORK)
    expect(asked).toBe(1)
    expect(tracing.spans()).toEqual([])
  })

  it('TR-BUDGET-1 are so many a second; the next one says how many were left out', () => {
    const spans = open({ maxSpansPerSecond: 3 })
    const record = (count: number) => {
      for (let n = 0; n < count; n++) spans.record(tracesOf(contextOf(n)), WORK)
    }
    record(10)
    expect(tracing.spans()).toHaveLength(3)
    now += 1_000
    record(1)
    expect(tracing.spans().at(-1)!.attributes).toMatchObject({ 'tidegate.spans.left_out': 7 })
    now += 60_000
    record(10)
    expect(tracing.spans()).toHaveLength(7)
  })

  it('TR-BUDGET-1 that the sampler refuses cost nothing', () => {
    const spans = open({ maxSpansPerSecond: 2 })
    decide = () => SamplingDecision.NOT_RECORD
    for (let n = 0; n < 100; n++) spans.record(tracesOf(contextOf(n)), WORK)
    decide = () => SamplingDecision.RECORD_AND_SAMPLED
    for (let n = 0; n < 3; n++) spans.record(tracesOf(contextOf(n)), WORK)
    expect(tracing.spans()).toHaveLength(2)
  })

  it('TR-BUDGET-1 budget - saves up no more than a second has', () => {
    const budget = new SpanBudget(5, 0)
    const spend = (at: number) => {
      let count = 0
      for (; budget.hasRoom(at) && count < 100; count++) budget.spend()
      return count
    }
    expect([spend(0), spend(100), spend(200), spend(400), spend(10_000)]).toEqual([5, 0, 1, 1, 5])
    expect(budget.takeDropped()).toBe(5)
    expect(budget.takeDropped()).toBe(0)
  })

  it('TR-FAULT-1 whose sampler throws are a defect, once, and nothing else', () => {
    decide = () => {
      throw new Error('of the application')
    }
    const spans = open()
    for (let n = 0; n < 3; n++) spans.record(tracesOf(contextOf(n)), WORK)
    expect(defects).toEqual([new Error('of the application')])
    expect(tracing.spans()).toEqual([])
  })

  it('TR-FAULT-1 TR-LOAD-1 that cannot be exported at the end hold up nobody', async () => {
    await open({ flush: () => Promise.reject(new Error('no exporter')) }).flush()
    const throwing = () => {
      throw new Error('at once')
    }
    await open({ flush: throwing }).flush()
    expect(defects).toEqual([new Error('no exporter'), new Error('at once')])
    const since = performance.now()
    await open({ flush: () => new Promise(() => {}) }).flush()
    expect(performance.now() - since).toBeLessThan(3_000)
  })
})

describe('traced events of an entry', () => {
  const entryOf = (contexts: readonly (object & { traceparent?: string })[]) => {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      contexts.map((context, i) => ({
        ...{ key: 'k', lane: 'normal', time: 1, isSampled: context.traceparent?.endsWith('01') === true },
        json: JSON.stringify({ id: `${i}`, key: 'k', time: 1, ...context, data: {} }),
      })),
    )
    const raw = {
      topic: 'a',
      streamId: '1-0',
      epoch: '1',
      refused: undefined,
      watermark: undefined,
      ...builder.build(),
    }
    return new Entry(0, raw)
  }

  it('TR-DELIVER-1 are in the traces of the first four frames with them', () => {
    const traced = TracedEvents.of(entryOf([{}, contextOf(1), contextOf(2, 0, '00'), contextOf(3)]))!
    const written = (picks: readonly number[], from = 0, to = picks.length) => {
      const traces = new Traces()
      traced.written(picks, from, to, traces)
      return traces.list().map(({ parent }) => parent.traceparent)
    }
    const [first, second] = [contextOf(1).traceparent, contextOf(3).traceparent]
    expect(written([0, 1, 2, 3])).toEqual([first, second])
    expect(written([0, 2])).toEqual([])
    expect(written([0, 1, 2, 3], 2)).toEqual([second])
    expect(written([0, 1, 2, 3], 0, 2)).toEqual([first])
    expect([written([1]), written([1]), written([1])]).toEqual([[first], [first], []])
  })

  it('TR-DELIVER-1 are none where no trace is recorded', () => {
    expect(TracedEvents.of(entryOf([{}, contextOf(2, 0, '00')]))).toBeUndefined()
  })
})

describe('tracing module', async () => {
  const folder = await mkdtemp(fileURLToPath(new URL('../../../node_modules/tidegate-tracing-', import.meta.url)))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const load = async (name: string, source: string) => {
    await writeFile(`${folder}/${name}`, source)
    return loadTracing(`${folder}/${name}`)
  }

  it('TR-LOAD-1 is loaded from TypeScript, or from CommonJS', async () => {
    const api = "import * as api from '@opentelemetry/api'\n"
    const flush = 'const flush = async (): Promise<void> => {}\n'
    expect(await load('a.ts', `${api}${flush}export default { api, maxSpansPerSecond: 7, flush }`)).toMatchObject({
      maxSpansPerSecond: 7,
      flush: expect.any(Function),
    })
    const module = await load('b.cjs', "module.exports = { api: require('@opentelemetry/api') }")
    expect(() => new Spans(module, clock, () => '')).not.toThrow()
  })

  it('TR-LOAD-1 that does not fit is refused with what it has to export', async () => {
    await expect(loadTracing(`${folder}/missing.ts`)).rejects.toThrow(/cannot be loaded/)
    for (const [i, text] of ['export const api = 1', 'export default {}', 'export default { api: {} }'].entries()) {
      await expect(load(`c-${i}.ts`, text)).rejects.toThrow(/must export \{ api \} as its default/)
    }
    const negative = "import * as api from '@opentelemetry/api'\nexport default { api, maxSpansPerSecond: -1 }"
    await expect(load('d.ts', negative)).rejects.toThrow(/maxSpansPerSecond/)
  })
})
