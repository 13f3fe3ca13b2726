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
/** Names of its conventions for messaging. */
const SYSTEM = { 'messaging.system': 'tidegate' }

/** What a call does, as a span says it. */
interface TracedCall {
  readonly name: string
  readonly kind: number
  readonly attributes: SpanAttributes
}

export function publishSpan(topic: string, events: readonly { readonly id?: string }[]): TracedCall {
  const id = events.length === 1 ? events[0]!.id : undefined
  return {
    name: `publish ${topic}`,
    kind: KIND_PRODUCER,
    attributes: {
      ...SYSTEM,
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      ...(events.length !== 1 && { 'messaging.batch.message_count': events.length }),
      ...(id !== undefined && { 'messaging.message.id': id }),
    },
  }
}

export function commandSpan(
  { entity, command }: { readonly entity: string; readonly command: string },
  id?: string,
): TracedCall {
  return {
    name: `command ${entity}`,
    kind: KIND_CLIENT,
    attributes: {
      ...SYSTEM,
      'messaging.operation.name': 'command',
      'messaging.destination.name': entity,
      'tidegate.command': command,
      ...(id !== undefined && { 'messaging.message.id': id }),
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
