import { type ErrorCode, type EventInput, LIMITS } from '@tidegate/protocol'
import type { HttpRequest } from '../transport/transport.ts'
import { isBinaryCloudEvent, readBinaryCloudEvent, readJsonCloudEvent } from './cloud-event.ts'
import type { MediaType } from './media-type.ts'
import { NOT_JSON, parseJson, readContent } from './request-content.ts'
import { type RequestItem, refused } from './request-item.ts'

export type RequestBody =
  | { readonly ok: true; readonly items: readonly RequestItem[] }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** The events of a body, by its content type and headers. */
type Mode = 'plain' | 'cloud_event' | 'cloud_event_batch' | 'binary_cloud_event'

/**
 * Reads the body of `POST /v1/events`: one event or an array of `{ topic, data, id?, time?, source? }`, or CloudEvents
 * 1.0 in structured (`application/cloudevents+json`), batch (`application/cloudevents-batch+json`) or binary mode
 * (`ce-*` headers).
 */
export function readRequestBody(header: HttpRequest['header'], body: Buffer): RequestBody {
  const content = readContent(header, body)
  if (!content.ok) return content
  const mode = modeOf(content.type, header)
  if (mode === 'binary_cloud_event' && content.text === '') {
    return { ok: true, items: [readBinaryCloudEvent(header, undefined)] }
  }
  const value = parseJson(content.text)
  if (value === NOT_JSON) return { ok: false, code: 'invalid_frame', message: 'The body is not valid JSON.' }
  switch (mode) {
    case 'binary_cloud_event':
      return { ok: true, items: [readBinaryCloudEvent(header, value)] }
    case 'cloud_event':
      return Array.isArray(value)
        ? { ok: false, code: 'invalid_frame', message: 'Several CloudEvents are application/cloudevents-batch+json.' }
        : readItems([value], readJsonCloudEvent)
    case 'cloud_event_batch':
      return Array.isArray(value)
        ? readItems(value, readJsonCloudEvent)
        : { ok: false, code: 'invalid_frame', message: 'A batch of CloudEvents is an array.' }
    case 'plain':
      return readItems(Array.isArray(value) ? value : [value], readPlainEvent)
  }
}

function modeOf(type: MediaType | undefined, header: HttpRequest['header']): Mode {
  const kind = /^application\/(cloudevents(?:-batch)?)(?:\+json)?$/.exec(type?.essence ?? '')?.[1]
  if (kind !== undefined) return kind === 'cloudevents' ? 'cloud_event' : 'cloud_event_batch'
  return isBinaryCloudEvent(header) ? 'binary_cloud_event' : 'plain'
}

/** A bad envelope is a bad event: it is listed with the others. */
function readItems(
  items: readonly unknown[],
  read: (item: Readonly<Record<string, unknown>>) => RequestItem,
): RequestBody {
  if (items.length === 0) return { ok: false, code: 'empty_frame', message: 'The body holds no events.' }
  if (items.length > LIMITS.frameEvents) {
    const message = `${items.length} events, at most ${LIMITS.frameEvents} in one request.`
    return { ok: false, code: 'too_many_events', message }
  }
  return {
    ok: true,
    items: items.map((item) =>
      typeof item === 'object' && item !== null
        ? read(item as Record<string, unknown>)
        : refused('invalid_event', 'expected an object'),
    ),
  }
}

function readPlainEvent({ topic, ...event }: Readonly<Record<string, unknown>>): RequestItem {
  if (typeof topic !== 'string') return refused('invalid_event', 'expected a topic name', 'topic')
  return { kind: 'event', topic, event: event as unknown as EventInput }
}
