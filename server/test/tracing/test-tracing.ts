import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll } from 'vitest'

export const traceparentOf = ({ traceId, spanId, traceFlags }: api.SpanContext): string =>
  `00-${traceId}-${spanId}-0${traceFlags}`

/** OpenTelemetry as an application sets it up, keeping its spans. It ends with the file. */
export function useTracing(sampler: Sampler = new AlwaysOnSampler()) {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] })
  api.trace.setGlobalTracerProvider(provider)
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  afterAll(() => {
    api.trace.disable()
    api.context.disable()
  })
  const tracer = api.trace.getTracer('application')
  const ofTrace = (traceId: string) =>
    exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
  return {
    api,
    tracer,
    spans: (): readonly ReadableSpan[] => exporter.getFinishedSpans(),
    ofTrace,
    /** Names of the spans of a trace, each once, in order. */
    namesOf: (traceId: string) => [...new Set(ofTrace(traceId).map(({ name }) => name))].sort(),
    reset: () => exporter.reset(),
    /** Runs it within a span that begins a trace. @returns the id of that */
    async within<Result>(name: string, body: () => Promise<Result>) {
      return tracer.startActiveSpan(name, { root: true }, async (span) => {
        const result = await body().finally(() => span.end())
        return { result, traceId: span.spanContext().traceId, traceparent: traceparentOf(span.spanContext()) }
      })
    },
  }
}
