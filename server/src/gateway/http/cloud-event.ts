import { readTraceContext } from '@tidegate/protocol'
import type { HttpRequest } from '../transport/transport.ts'
import { isJson, parseMediaType } from './media-type.ts'
import { type RequestItem, refused } from './request-item.ts'
import { TRACE_HEADERS } from './request-trace.ts'
import { parseRfc3339 } from './rfc3339.ts'

/** CloudEvents 1.0 as JSON: structured mode, or an item of a batch. A member that is null counts as absent. */
export function readJsonCloudEvent(item: Readonly<Record<string, unknown>>): RequestItem {
  const { datacontenttype, data_base64: base64, data } = item
  if (isPresent(base64)) return refused('unsupported_content', 'only JSON data is stored here', 'data_base64')
  if (isPresent(datacontenttype)) {
    const type = typeof datacontenttype === 'string' ? parseMediaType(datacontenttype) : undefined
    if (type === undefined || !isJson(type)) {
      return refused('unsupported_content', 'only JSON data is stored here', 'datacontenttype')
    }
  }
  return eventOf((name) => item[name], data)
}

/** Headers that identify binary mode: a request may have other headers that begin with `ce-`. */
const ATTRIBUTES = ['specversion', 'type', 'id', 'source'] as const

/** Headers that are read in binary mode, and part of the content. */
export const CLOUD_EVENT_HEADERS = [...ATTRIBUTES, 'time'].map((name) => `ce-${name}`)

export function isBinaryCloudEvent(header: HttpRequest['header']): boolean {
  return ATTRIBUTES.some((name) => header(`ce-${name}`) !== undefined)
}

/** CloudEvents 1.0 in binary mode: attributes are headers, the body is the data. */
export function readBinaryCloudEvent(header: HttpRequest['header'], data: unknown): RequestItem {
  const attributes = new Map<string, string>()
  for (const name of [...ATTRIBUTES, 'time']) {
    const value = header(`ce-${name}`)
    if (value === undefined) continue
    const decoded = decodeAttribute(value)
    if (decoded === undefined) return refused('invalid_event', 'expected percent-encoded UTF-8', `ce-${name}`)
    attributes.set(name, decoded)
  }
  for (const name of TRACE_HEADERS) {
    const value = header(`ce-${name}`)
    const decoded = value === undefined ? undefined : decodeAttribute(value)
    if (decoded !== undefined) attributes.set(name, decoded)
  }
  return eventOf((name) => attributes.get(name), data)
}

/** `type` is the topic; the key comes from the data by the topic's rule, so `partitionkey` is not read. */
function eventOf(attribute: (name: string) => unknown, data: unknown): RequestItem {
  const missing = [...ATTRIBUTES].find((name) => typeof attribute(name) !== 'string')
  if (missing !== undefined) return refused('invalid_event', 'expected a string', missing)
  if (attribute('specversion') !== '1.0') return refused('invalid_event', 'expected "1.0"', 'specversion')
  const [topic, id, source] = ['type', 'id', 'source'].map(attribute) as [string, string, string]
  const event = { id, source, data }
  // The extension for distributed tracing.
  const trace = readTraceContext(attribute('traceparent'), attribute('tracestate'))
  const time = attribute('time')
  if (!isPresent(time)) return { kind: 'event', topic, event, trace }
  const ms = typeof time === 'string' ? parseRfc3339(time) : undefined
  if (ms === undefined) return refused('invalid_time', 'expected an RFC 3339 timestamp with a zone', 'time')
  return { kind: 'event', topic, event: { ...event, time: ms }, trace }
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

/**
 * Undoes what the HTTP binding does to an attribute: quotes around it, then percent-encoding. `undefined` if it is not
 * UTF-8.
 */
function decodeAttribute(value: string): string | undefined {
  if (!/^[\t -~]*$/.test(value)) return undefined
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value)?.[1]
  try {
    return (quoted?.replace(/\\(.)/g, '$1') ?? value).replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent)
  } catch {
    return undefined
  }
}
