/**
 * What is used of `@opentelemetry/api`, which an application hands over as it is and nothing here imports:
 * `import * as api from '@opentelemetry/api'`.
 */
export interface OpenTelemetryApi {
  readonly ROOT_CONTEXT: OtelContext
  createTraceState(text: string): OtelTraceState
  readonly trace: {
    getTracer(name: string): OtelTracer
    setSpanContext(context: OtelContext, span: OtelSpanContext): OtelContext
  }
}

export interface OtelContext {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): OtelContext
  deleteValue(key: symbol): OtelContext
}

export interface OtelTraceState {
  set(key: string, value: string): OtelTraceState
  unset(key: string): OtelTraceState
  get(key: string): string | undefined
  serialize(): string
}

export interface OtelSpanContext {
  traceId: string
  spanId: string
  traceFlags: number
  isRemote?: boolean
  traceState?: OtelTraceState
}

export interface OtelTracer {
  startSpan(
    name: string,
    options: {
      kind: number
      startTime: number
      attributes: Record<string, string | number>
      links: { context: OtelSpanContext }[]
    },
    parent: OtelContext,
  ): OtelSpan
}

export interface OtelSpan {
  isRecording(): boolean
  setAttribute(name: string, value: number): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(endTime: number): void
}

/** Numbers of `SpanKind`. */
export const SPAN_KINDS = { server: 1, producer: 3, consumer: 4 } as const
/** Of `SpanStatusCode`. */
export const STATUS_ERROR = 2
