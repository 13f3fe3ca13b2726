import { describe, expect, test } from 'vitest'
import { isSampled, readTraceContext, TRACESTATE_CHARS } from '../src/index.ts'

const IDS = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const traceparent = `00-${IDS}-01`

describe('trace context', () => {
  test('P-TRACE-1 traceparent - is read as W3C says', () => {
    expect(readTraceContext(traceparent)).toEqual({ traceparent })
    expect(readTraceContext(`cc-${IDS}-ff-what-comes-later`)).toEqual({ traceparent })
    expect(readTraceContext(`cc-${IDS}-02`)).toEqual({ traceparent: `00-${IDS}-00` })
  })

  test.each([
    ...['', 'x', `00-${IDS}`, `00-${IDS}-1`, `00-${IDS}-01-`, `00-${IDS}-01-x`, `ff-${IDS}-01`, ` ${traceparent}`],
    ...[
      `00-${IDS.toUpperCase()}-01`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${IDS.slice(0, 33)}${'0'.repeat(16)}-01`,
    ],
    ...[undefined, null, 1, {}, [traceparent]],
  ])('P-TRACE-1 traceparent - %j is none', (malformed) => {
    expect(readTraceContext(malformed, 'a=1')).toBeUndefined()
  })

  test('P-TRACE-1 tracestate - is dropped where it is too long, or no ASCII', () => {
    const longest = 'x'.repeat(TRACESTATE_CHARS)
    expect(readTraceContext(traceparent, longest)).toEqual({ traceparent, tracestate: longest })
    for (const bad of [`${longest}x`, '', 'é', 'a\n', 7, null]) {
      expect(readTraceContext(traceparent, bad)).toEqual({ traceparent })
    }
  })

  test('P-TRACE-1 flags - say whether the trace is recorded', () => {
    expect(isSampled({ traceparent })).toBe(true)
    expect(isSampled({ traceparent: `00-${IDS}-03` })).toBe(true)
    expect(isSampled({ traceparent: `00-${IDS}-02` })).toBe(false)
    expect(isSampled({})).toBe(false)
  })
})
