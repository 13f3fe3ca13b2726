export { loadTracing } from './load-tracing.ts'
export type { OpenTelemetryApi } from './open-telemetry.ts'
export { Spans, type Tracing } from './spans.ts'
export { Traces } from './traces.ts'
