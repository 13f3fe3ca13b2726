import type { TraceContext } from '@tidegate/protocol'
import type { Clock } from '../clock.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'
import {
  type OpenTelemetryApi,
  type OtelContext,
  type OtelSpanContext,
  type OtelTracer,
  SPAN_KINDS,
  STATUS_ERROR,
} from './open-telemetry.ts'
import { SpanBudget } from './span-budget.ts'
import type { TraceOfWork, Traces } from './traces.ts'

/** A trace in which everything is recorded is complete up to about a hundred frames a second. */
const DEFAULT_SPANS_PER_SECOND = 500
const FLUSH_MS = 1_000

/** What a tracing module exports as its default. */
export interface Tracing {
  /** `import * as api from '@opentelemetry/api'`; its global tracer provider makes the spans, and its sampler chooses among them. */
  readonly api: OpenTelemetryApi
  /** Spans that the process records in a second, whoever asks for them. 500 if absent. */
  readonly maxSpansPerSecond?: number
  /** Called when the process ends: exports what is left. */
  readonly flush?: () => Promise<void>
}

/** A piece of work that is done. */
export interface Work {
  readonly name: string
  readonly kind: keyof typeof SPAN_KINDS
  /** How long it took, up to now. */
  readonly durationMs: number
  readonly attributes: Readonly<Record<string, string | number>>
  /** Code of why it failed. */
  readonly error?: string | undefined
}

/**
 * Records work in the traces of the events that it was done for. Spans are made when work is done: none is open meanwhile, and what
 * nobody records costs nothing.
 */
export class Spans {
  readonly #api: OpenTelemetryApi
  readonly #tracer: OtelTracer
  readonly #clock: Clock
  readonly #report: ReportDefect
  readonly #budget: SpanBudget
  readonly #flush: Tracing['flush']

  constructor(
    { api, maxSpansPerSecond = DEFAULT_SPANS_PER_SECOND, flush }: Tracing,
    clock: Clock,
    report: ReportDefect,
  ) {
    this.#api = api
    this.#flush = flush
    this.#tracer = api.trace.getTracer('tidegate')
    this.#clock = clock
    this.#report = withoutRepeats(report)
    this.#budget = new SpanBudget(maxSpansPerSecond, clock.monotonic())
  }

  /** One span for each trace. */
  record(traces: Traces, work: Work): void {
    for (const trace of traces.list()) {
      if (!this.#budget.hasRoom(this.#clock.monotonic())) continue
      try {
        this.#record(trace, work)
      } catch (error) {
        // Samplers and processors are code of the application.
        this.#report('a span', error)
      }
    }
  }

  /** Exports what is left, if that takes no longer than a second. Never rejects. */
  async flush(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())
    const flushed = async () => this.#flush?.()
    await Promise.race([flushed(), late]).catch((error) => this.#report('the export of spans', error))
  }

  #record({ parent, links }: TraceOfWork, { name, kind, durationMs, attributes, error }: Work): void {
    const endTime = this.#clock.now()
    const span = this.#tracer.startSpan(
      name,
      {
        kind: SPAN_KINDS[kind],
        // Ages by Redis' clock are known to some ms.
        startTime: endTime - Math.max(0, durationMs),
        attributes: {
          'messaging.system': 'tidegate',
          ...attributes,
          ...(error !== undefined && { 'error.type': error }),
        },
        links: links.map((link) => ({ context: this.#spanContext(link) })),
      },
      this.#contextOf(parent),
    )
    if (!span.isRecording()) return
    this.#budget.spend()
    const leftOut = this.#budget.takeDropped()
    if (leftOut > 0) span.setAttribute('tidegate.spans.left_out', leftOut)
    if (error !== undefined) span.setStatus({ code: STATUS_ERROR })
    span.end(endTime)
  }

  #contextOf(parent: TraceContext): OtelContext {
    return this.#api.trace.setSpanContext(this.#api.ROOT_CONTEXT, this.#spanContext(parent))
  }

  #spanContext({ traceparent, tracestate }: TraceContext): OtelSpanContext {
    const [, traceId, spanId, flags] = traceparent.split('-') as [string, string, string, string]
    const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
    return tracestate === undefined ? context : { ...context, traceState: this.#api.createTraceState(tracestate) }
  }
}
