import type { TraceContext } from '@tidegate/protocol'

/** What is used of a `Tracer` of `@opentelemetry/api`, which nothing here imports. */
export interface Tracer {
  /** As a child of the span that is active. */
  startSpan(name: string, options: { readonly kind: number; readonly attributes: SpanAttributes }): Span
}

interface Span {
  spanContext(): {
    readonly traceId: string
    readonly spanId: string
    readonly traceFlags: number
    readonly traceState?: { serialize(): string } | undefined
  }
  setAttribute(name: string, value: string): unknown
  setStatus(status: { readonly code: number; readonly message: string }): unknown
  end(): void
}

type SpanAttributes = Readonly<Record<string, string | number>>

/** Numbers of OpenTelemetry. */
const KIND_CLIENT = 2
const KIND_PRODUCER = 3
const STATUS_ERROR = 2
const SAMPLED = 1

/** What a call does, as a span says it. */
interface TracedCall {
  readonly name: string
  readonly kind: number
  readonly attributes: SpanAttributes
}

export function publishSpan(topic: string, events: readonly { readonly id?: string }[]): TracedCall {
  const { length } = events
  return spanOf('publish', KIND_PRODUCER, topic, length === 1 ? events[0]!.id : undefined, {
    'messaging.operation.type': 'send',
    ...(length !== 1 && { 'messaging.batch.message_count': length }),
  })
}

export function commandSpan(
  { entity, command }: { readonly entity: string; readonly command: string },
  id?: string,
): TracedCall {
  return spanOf('command', KIND_CLIENT, entity, id, { 'tidegate.command': command })
}

/** By the names of its conventions for messaging. */
function spanOf(
  operation: string,
  kind: number,
  target: string,
  id: string | undefined,
  more: SpanAttributes,
): TracedCall {
  return {
    name: `${operation} ${target}`,
    kind,
    attributes: {
      'messaging.system': 'tidegate',
      'messaging.operation.name': operation,
      'messaging.destination.name': target,
      ...(id !== undefined && { 'messaging.message.id': id }),
      ...more,
    },
  }
}

/**
 * Makes a call within a span. What the call sends names the span, if that is recorded: nothing else would be of use to those who
 * get it, and it would take the room of most events once more.
 *
 * @param given what it names otherwise
 */
export async function withinSpan<Result>(
  tracer: Tracer,
  { name, kind, attributes }: TracedCall,
  given: TraceContext | undefined,
  call: (trace: TraceContext | undefined) => Promise<Result>,
): Promise<Result> {
  const span = tracer.startSpan(name, { kind, attributes })
  try {
    return await call(contextOf(span) ?? given)
  } catch (error) {
    span.setAttribute('error.type', typeOf(error))
    span.setStatus({ code: STATUS_ERROR, message: error instanceof Error ? error.message : String(error) })
    throw error
  } finally {
    span.end()
  }
}

/** `undefined` where it is not recorded, or no span at all. */
function contextOf(span: Span): TraceContext | undefined {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext()
  if ((traceFlags & SAMPLED) === 0) return undefined
  const tracestate = traceState?.serialize()
  return { traceparent: `00-${traceId}-${spanId}-01`, ...(tracestate && { tracestate }) }
}

function typeOf(error: unknown): string {
  const { code, name = '_OTHER' } = (error ?? {}) as { readonly code?: unknown; readonly name?: string }
  return typeof code === 'string' ? code : name
}
