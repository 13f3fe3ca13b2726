import type { Delivery } from '../../delivery/index.ts'
import type { Ingest } from '../../ingest/index.ts'
import { describeFailure, type Queries } from '../../queries/index.ts'
import type { Admission } from '../admission.ts'
import type { Readiness } from '../readiness.ts'
import type { Streams } from '../sse/streams.ts'
import type { HttpRequest, HttpResponse, StreamResponse } from '../transport/transport.ts'
import { publishEvents } from './publish-events.ts'
import { errorReply, json } from './replies.ts'
import type { StaticFiles } from './static-files.ts'

export interface RouteContext {
  readonly ingest: Ingest
  readonly admission: Admission
  readonly queries: Queries
  readonly readiness: Readiness
  readonly delivery: Pick<Delivery, 'slowest'>
  readonly pages: StaticFiles
  readonly streams: Streams
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
}

const WINDOW_PATH = /^\/v1\/windows\/([a-z0-9_.]+)$/

/** Answers every HTTP request. Never rejects. */
export async function route(context: RouteContext, request: HttpRequest): Promise<HttpResponse | StreamResponse> {
  try {
    return await dispatch(context, request)
  } catch (error) {
    const { code, message, retryable } = describeFailure(error)
    return errorReply(code, message, retryable ? RETRY_MS : undefined)
  }
}

const RETRY_MS = 1_000
/** Sessions that `/v1/slow` lists. */
const DEFAULT_SLOW = 20
const MAX_SLOW = 1_000

async function dispatch(context: RouteContext, request: HttpRequest): Promise<HttpResponse | StreamResponse> {
  const { method, path, query } = request
  if (path === '/v1/events') {
    return method === 'POST' ? publishEvents(context, request) : methodNotAllowed('POST')
  }
  // What a HEAD leaves out of the answer to GET is the transport's matter.
  if (method !== 'GET' && method !== 'HEAD') return methodNotAllowed('GET, HEAD')
  if (path === '/v1/stream') return context.streams.open(request)
  const window = WINDOW_PATH.exec(path)?.[1]
  if (window !== undefined) {
    return json(200, { window, results: await context.queries.window(window, query.get('key') ?? undefined) })
  }
  switch (path) {
    case '/v1/topics':
      return json(200, context.queries.topics())
    case '/v1/history': {
      const partition = Number(query.get('partition') ?? '0')
      const limit = Number(query.get('limit') ?? '100') || 100
      const topic = query.get('topic') ?? ''
      return json(200, await context.queries.history(topic, partition, query.get('after') ?? undefined, limit))
    }
    case '/v1/slow': {
      const count = Math.min(MAX_SLOW, Math.max(1, Number(query.get('n') ?? '') || DEFAULT_SLOW))
      return json(200, { sessions: context.delivery.slowest(count) })
    }
    case '/v1/ws':
      return errorReply('invalid_frame', 'This address speaks WebSocket, subprotocol tidegate.v1.')
    case '/livez':
      return json(200, { live: true })
    case '/readyz': {
      const report = context.readiness.report()
      return json(report.ready ? 200 : 503, report)
    }
    case '/metrics':
      return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4' }, body: await context.metrics() }
    default:
      return context.pages.find(path) ?? errorReply('not_found', `Nothing at ${path}.`)
  }
}

function methodNotAllowed(allowed: string): HttpResponse {
  return json(
    405,
    { error: { code: 'not_found', message: `Use ${allowed.replace(', ', ' or ')}.` } },
    { allow: allowed },
  )
}
