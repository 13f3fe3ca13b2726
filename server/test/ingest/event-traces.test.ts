import { describe, expect, it } from 'vitest'
import { EventTraces } from '../../src/ingest/index.ts'

const SPAN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const RECORDED = `${SPAN}-01`
const UNRECORDED = `${SPAN}-00`

const shown = (traces: EventTraces | undefined, count: number) =>
  Array.from({ length: count }, (_, index) => traces?.json(index))

describe('traces of a frame', () => {
  it('I-TRACE-1 are of events from an index on, up to the next', () => {
    const traces = EventTraces.ofFrame([
      { from: 1, traceparent: RECORDED, tracestate: 'a=1,"b' },
      { from: 3 },
      { from: 4, traceparent: UNRECORDED },
    ])
    const first = `,"traceparent":"${RECORDED}","tracestate":"a=1,\\"b"`
    const last = `,"traceparent":"${UNRECORDED}"`
    expect(shown(traces, 7)).toEqual(['', first, first, '', last, last, last])
    expect([0, 1, 2, 3, 4].map((index) => traces!.isSampled(index))).toEqual([false, true, true, false, false])
    expect(traces!.sampled()).toEqual([{ traceparent: RECORDED, tracestate: 'a=1,"b' }])
  })

  it.each([
    [undefined],
    [{}],
    [[]],
    [[null, 7, 'x', {}]],
    [[{ from: 1, traceparent: 'x' }]],
    [[{ from: -1, traceparent: RECORDED }]],
    [[{ from: 0.5, traceparent: RECORDED }]],
    [[{ from: 1_000, traceparent: RECORDED }]],
    [[{ from: 1e300, traceparent: RECORDED }]],
  ])('I-TRACE-1 of %j are none, and no fault', (trace) => {
    expect(EventTraces.ofFrame(trace)).toBeUndefined()
  })

  it('I-TRACE-1 that stand before earlier ones are passed over', () => {
    const traces = EventTraces.ofFrame([
      { from: 2, traceparent: RECORDED },
      { from: 1, traceparent: UNRECORDED },
    ])
    expect(shown(traces, 3)).toEqual(['', '', `,"traceparent":"${RECORDED}"`])
  })
})
