import { ERROR_CODES } from '@tidegate/protocol'
import { type Access, type Caller, limitName, type Rights, TICKET_MS } from '../../access/index.ts'
import type { Commands } from '../../commands/index.ts'
import type { Delivery } from '../../delivery/index.ts'
import type { Ingest } from '../../ingest/index.ts'
import { describeDefect, type ReportDefect } from '../../observability/defects.ts'
import { failureOf, optionalNumber, type Queries } from '../../queries/index.ts'
import { quoted } from '../../quoted.ts'
import { RETRY_AFTER_MS } from '../../retry-after.ts'
import type { Admission } from '../admission.ts'
import { isForwarded, requestCredentials, STREAM_PATH } from '../credentials.ts'
import type { Readiness } from '../readiness.ts'
import type { Streams } from '../sse/streams.ts'
import type { StatusReader } from '../status/status-reader.ts'
import type { HttpResponse, StreamResponse } from '../transport/transport.ts'
import { type DeadLetterContext, isDeadLetterPath, isRedrivePath, listLetters, redriveLetters } from './dead-letters.ts'
import { endInput, isEndPath } from './end-input.ts'
import { askEntities } from './entity-queries.ts'
import { commandOutcome, isCommandPath, isOutcomePath, sendCommand } from './entity-routes.ts'
import { type LimitedRequest, refusedReply } from './limited-request.ts'
import { isForOperators, isOperator } from './operator-right.ts'
import { paramsOf } from './params.ts'
import { publishEvents } from './publish-events.ts'
import { errorReply, json } from './replies.ts'
import type { StaticFiles } from './static-files.ts'
import { shutOut, whileAdmitted } from './while-admitted.ts'

export interface RouteContext extends DeadLetterContext {
  readonly access: Pick<Access, 'authenticate' | 'admits' | 'createTicket' | 'isLocal' | 'isOpen'>
  readonly ingest: Ingest
  readonly admission: Admission
  /** Of a publish. */
  readonly onFrame: (outcome: string) => void
  readonly queries: Queries
  readonly commands: Commands
  readonly report: ReportDefect
  readonly readiness: Readiness
  readonly delivery: Pick<Delivery, 'slowest'>
  readonly status: Pick<StatusReader, 'read'>
  readonly pages: StaticFiles
  readonly streams: Streams
  /** Where the routes for operators are: among the others, or at an address of their own. */
  readonly operators: 'here' | 'elsewhere'
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
}

const TICKETS_PATH = '/v1/tickets'
const WINDOW_PATH = /^\/v1\/windows\/([a-z0-9_.]+)$/

/** Paths that tell nothing but whether the process works, and the files of the page. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** Answers every HTTP request. Never rejects. */
export async function route(context: RouteContext, request: LimitedRequest): Promise<HttpResponse | StreamResponse> {
  try {
    const page = request.method === 'GET' || request.method === 'HEAD' ? context.pages.find(request.path) : undefined
    if (page !== undefined) return page
    if (context.access.isLocal && isForwarded(request.header)) return forwarded()
    if (request.method === 'OPTIONS') {
      return { kind: 'whole', status: 204, headers: { allow: allowed(methodsOf(request.path)) }, body: '' }
    }
    const caller = await context.access.authenticate(requestCredentials(request), request.from)
    if (caller.kind === 'refused') {
      return OPEN_PATHS.has(request.path) ? health(context, request.path, false) : shutOut(caller)
    }
    return await whileAdmitted(context.access, caller, request, (checked) => dispatch(context, checked, caller))
  } catch (error) {
    const failure = failureOf(error)
    if (failure !== undefined)
      return errorReply(failure.code, failure.message, failure.retryable ? RETRY_AFTER_MS.query : undefined)
    return errorReply('internal', describeDefect(context.report(`${request.method} ${request.path}`, error)))
  }
}

const DEFAULT_HISTORY = 100
/** Sessions that `/v1/slow` lists. */
const DEFAULT_SLOW = 20
const MAX_SLOW = 1_000

async function dispatch(
  context: RouteContext,
  request: LimitedRequest,
  caller: Caller,
): Promise<HttpResponse | StreamResponse> {
  const { rights } = caller
  const { limits } = request
  const over = limits.identify(limitName(caller))
  if (over !== undefined) return refusedReply(over)
  const { method, path, query } = request
  if (context.operators === 'elsewhere' && isForOperators(path)) return nothingAt(path)
  const methods = methodsOf(path)
  if (!methods.includes(method)) {
    const message = `Use ${methods.join(' or ')}.`
    return json(405, { error: { code: 'not_found', message } }, { allow: allowed(methods) })
  }
  if (path === '/v1/events') return publishEvents(context, request, caller)
  if (isEndPath(path)) return endInput(context, request, caller)
  if (path === TICKETS_PATH) {
    const refused = limits.ticket()
    return refused ? refusedReply(refused) : issueTicket(context.access, caller)
  }
  const mayOperate = isOperator(context.access, caller, request)
  if (needsAdmin(path) && !mayOperate) {
    context.audit?.note({ kind: 'admin_denied', subject: caller.subject, address: request.from, what: path })
    return errorReply('forbidden', context.access.isOpen ? ELSEWHERE : ERROR_CODES.forbidden)
  }
  if (method === 'POST' && !isRedrivePath(path)) {
    const refused = limits.events(1)
    return refused ? refusedReply(refused) : sendCommand(context.commands, request, paramsOf(query), caller)
  }
  if (path === STREAM_PATH) return context.streams.open(request, caller)
  const refused = OPEN_PATHS.has(path) ? undefined : (limits.overdrawn('reads') ?? limits.hold('queries', 1))
  if (refused !== undefined) return refusedReply(refused)
  if (isDeadLetterPath(path)) {
    if (isRedrivePath(path)) return json(200, await redriveLetters(context, paramsOf(query), caller, request.from))
    return json(200, await listLetters(context, paramsOf(query), caller))
  }
  if (isOutcomePath(path)) return commandOutcome(context.commands, path, caller)
  const queries = context.queries.of(rights, limits)
  const asked = await askEntities(queries.entities, path, paramsOf(query))
  if (asked !== undefined) return asked
  const window = WINDOW_PATH.exec(path)?.[1]
  if (window !== undefined) {
    return json(200, { window, ...(await queries.window({ ...paramsOf(query), name: window })) })
  }
  switch (path) {
    case '/v1/topics':
      return json(200, queries.topics())
    case '/v1/rates':
      return json(200, await rates(context.status, rights))
    case '/v1/entities':
      return json(200, { entities: queries.entities.list() })
    case '/v1/history': {
      return json(200, await queries.history({ limit: DEFAULT_HISTORY, ...paramsOf(query) }))
    }
    case '/v1/slow': {
      const count = optionalNumber(paramsOf(query), 'n', 1) ?? DEFAULT_SLOW
      return json(200, { sessions: context.delivery.slowest(Math.min(MAX_SLOW, count)) })
    }
    case '/v1/status':
      return json(200, await context.status.read())
    case '/v1/ws':
      return errorReply('invalid_frame', 'This address speaks WebSocket, subprotocol tidegate.v1.')
    case '/livez':
    case '/readyz':
      return health(context, path, mayOperate)
    case '/metrics':
      return {
        kind: 'whole',
        status: 200,
        headers: { 'content-type': 'text/plain; version=0.0.4' },
        body: await context.metrics(),
      }
    default:
      return nothingAt(path)
  }
}

/** Events stored of topics of which the caller may read every key: totals tell of all of them. @throws BusUnavailable */
async function rates(status: RouteContext['status'], rights: Rights) {
  const { at, fault, stored } = await status.read()
  const isRead = (topic: string) => READING.some((operation) => rights.keys(operation, topic).kind === 'all')
  const topics = stored.topics.filter(({ topic }) => !topic.includes('~') && isRead(topic))
  return { at, ...(fault !== undefined && { fault }), stored: { ...stored, topics } }
}

const READING = ['subscribe', 'query'] as const

/** Asked by machines that watch this one, and by nobody who waits for events. */
export function isForWatchers(path: string): boolean {
  return OPEN_PATHS.has(path) || isForOperators(path)
}

const ELSEWHERE =
  'Nobody is asked here who they are, so that this is shown to the machine of the gateway alone, and not through a proxy. ' +
  'Set TIDEGATE_ADMIN_PORT, or configure tokens.'

/** Dead letters are events: they are not at an address that asks nobody who they are. */
function needsAdmin(path: string): boolean {
  return isForOperators(path) || isDeadLetterPath(path)
}

function nothingAt(path: string): HttpResponse {
  return errorReply('not_found', `Nothing at ${quoted(path)}.`)
}

/** The details of readiness - addresses, workers, breakers - are for operators. */
function health({ readiness, operators }: RouteContext, path: string, mayOperate: boolean): HttpResponse {
  if (path === '/livez') return json(200, { live: true })
  const report = readiness.report()
  return json(report.ready ? 200 : 503, operators === 'here' && mayOperate ? report : { ready: report.ready })
}

/** Answers whoever comes through a proxy to a gateway that asks nobody because it takes itself for private. */
export function forwarded(): HttpResponse {
  const message =
    'This gateway asks nobody who it is, since it listens on this machine alone, and a proxy has passed this request on. ' +
    'Configure tokens, or say TIDEGATE_ANONYMOUS=all to let everybody do everything.'
  return errorReply('forbidden', message)
}

/** `POST /v1/tickets`: what an address may show in place of a token, once. @throws BusUnavailable */
async function issueTicket(access: Pick<Access, 'createTicket'>, caller: Caller): Promise<HttpResponse> {
  return json(
    201,
    { ticket: await access.createTicket(caller), expiresInMs: TICKET_MS },
    { 'cache-control': 'no-store' },
  )
}

/** The transport removes the body from an answer to HEAD. */
const READ: readonly string[] = ['GET', 'HEAD']
const SEND: readonly string[] = ['POST']

function methodsOf(path: string): readonly string[] {
  if (path === '/v1/events' || path === TICKETS_PATH || isEndPath(path) || isRedrivePath(path)) return SEND
  if (!isCommandPath(path)) return READ
  return path.endsWith('/history') ? [...READ, ...SEND] : SEND
}

function allowed(methods: readonly string[]): string {
  return [...methods, 'OPTIONS'].join(', ')
}
