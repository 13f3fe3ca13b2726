import { CLOUD_EVENT_HEADERS } from '../http/cloud-event.ts'
import { TRACE_HEADERS } from '../http/request-trace.ts'
import type { HttpRequest, HttpResponse, StreamResponse } from '../transport/transport.ts'

/** How long a browser may keep a permission: a config that withdraws it is effective after this. */
const MAX_AGE_SECONDS = 600
const METHODS = 'GET, HEAD, POST'
const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'last-event-id',
  ...CLOUD_EVENT_HEADERS,
  ...TRACE_HEADERS,
]
/** Attributes of CloudEvents that are no part of 1.0 may be sent; most are not read. */
const EXTENSION = /^ce-[a-z0-9]{1,32}$/
const RESPONSE_HEADERS = 'etag, location, retry-after'

export function isPreflight({ method, header }: Pick<HttpRequest, 'method' | 'header'>): boolean {
  return method === 'OPTIONS' && header('access-control-request-method') !== undefined
}

/** What pages of other origins may send. The origin itself is added by `readableBy`. */
export function preflightReply({ header }: Pick<HttpRequest, 'header'>): HttpResponse {
  const asked = (header('access-control-request-headers') ?? '').split(',').map((name) => name.trim().toLowerCase())
  const allowed = new Set([...REQUEST_HEADERS, ...asked.filter((name) => EXTENSION.test(name))])
  return {
    kind: 'whole',
    status: 204,
    headers: {
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': [...allowed].join(', '),
      'access-control-max-age': `${MAX_AGE_SECONDS}`,
    },
    body: '',
  }
}

/** The answer, for pages of that origin to read. */
export function readableBy<T extends HttpResponse | StreamResponse>(origin: string, answer: T): T {
  const headers = {
    ...answer.headers,
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': RESPONSE_HEADERS,
  }
  return { ...answer, headers }
}
