import { type EventInput, LIMITS } from '@tidegate/protocol'

/** One event of an HTTP request with the topic it names. */
export interface RequestEvent {
  readonly topic: string
  readonly event: EventInput
}

export type RequestBody =
  | { readonly ok: true; readonly events: readonly RequestEvent[] }
  | { readonly ok: false; readonly code: 'invalid_frame' | 'empty_frame' | 'too_many_events'; readonly message: string }

/**
 * Reads the body of `POST /v1/events` by its content type: one event or an array of `{ topic, data, id?, time?, source? }`,
 * or CloudEvents 1.0 in structured JSON (`application/cloudevents+json`) or batch JSON (`application/cloudevents-batch+json`).
 */
export function readRequestBody(contentType: string | undefined, body: Buffer): RequestBody {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    return { ok: false, code: 'invalid_frame', message: 'The body is not valid JSON.' }
  }
  const read = contentType?.startsWith('application/cloudevents') ? readCloudEvent : readPlainEvent
  const items = Array.isArray(value) ? value : [value]
  if (items.length === 0) return { ok: false, code: 'empty_frame', message: 'The body holds no events.' }
  if (items.length > LIMITS.frameEvents) {
    const message = `${items.length} events, at most ${LIMITS.frameEvents} in one request.`
    return { ok: false, code: 'too_many_events', message }
  }
  const events: RequestEvent[] = []
  for (const [index, item] of items.entries()) {
    const event =
      typeof item === 'object' && item !== null ? read(item as Record<string, unknown>) : 'expected an object'
    if (typeof event === 'string') return { ok: false, code: 'invalid_frame', message: `event ${index}: ${event}` }
    events.push(event)
  }
  return { ok: true, events }
}

function readPlainEvent({ topic, ...event }: Record<string, unknown>): RequestEvent | string {
  if (typeof topic !== 'string') return 'topic: expected a topic name'
  return { topic, event: event as unknown as EventInput }
}

/** CloudEvents 1.0: `type` is the topic; the key comes from the data by the topic's rule, so `partitionkey` is not read. */
function readCloudEvent(item: Record<string, unknown>): RequestEvent | string {
  const { specversion, type, id, source, time, data } = item
  if (specversion !== '1.0') return 'specversion: expected "1.0"'
  if (typeof type !== 'string') return 'type: expected a topic name'
  if (typeof id !== 'string') return 'id: expected a string'
  if (typeof source !== 'string') return 'source: expected a string'
  const event = { id, source, data }
  if (time === undefined) return { topic: type, event }
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN
  return Number.isNaN(ms) ? 'time: expected an RFC 3339 timestamp' : { topic: type, event: { ...event, time: ms } }
}
