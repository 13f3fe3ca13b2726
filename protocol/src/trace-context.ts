/** Where something comes from: the span that caused it, as W3C Trace Context writes it and CloudEvents name it. */
export interface TraceContext {
  /** `00-<trace id>-<span id>-<flags>`, 55 characters. */
  readonly traceparent: string
  /** What tracing systems add to it: at most 512 characters. */
  readonly tracestate?: string
}

/** Characters of a `tracestate`: what W3C demands that everybody passes on. A longer one is dropped. */
export const TRACESTATE_CHARS = 512

const TRACEPARENT = /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const PRINTABLE = /^[ -~]+$/
/** The one flag of version 00 that is kept of any version. */
const SAMPLED = 0x01

/** @returns `undefined` for a `traceparent` that is malformed, as W3C demands: it is as good as none, and no fault */
export function readTraceContext(traceparent: unknown, tracestate?: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string') return undefined
  const [, version, ids, flags, rest] = TRACEPARENT.exec(traceparent) ?? []
  if (ids === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  // Of a later version that is known which the first one has.
  const known = version === '00' ? flags : (Number.parseInt(flags!, 16) & SAMPLED) === 0 ? '00' : '01'
  const context = { traceparent: `00-${ids}-${known}` }
  return isTracestate(tracestate) ? { ...context, tracestate } : context
}

function isTracestate(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TRACESTATE_CHARS && PRINTABLE.test(value)
}

/** Whether whoever caused it records its trace. */
export function isSampled({ traceparent }: Partial<TraceContext>): boolean {
  return traceparent !== undefined && (Number.parseInt(traceparent.slice(-2), 16) & SAMPLED) !== 0
}
