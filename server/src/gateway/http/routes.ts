import { ERROR_CODES } from '@tidegate/protocol'
import { type Caller, limitName } from '../../access/index.ts'
import { describeDefect } from '../../observability/defects.ts'
import { failureOf } from '../../queries/index.ts'
import { quoted } from '../../quoted.ts'
import { RETRY_AFTER_MS } from '../../retry-after.ts'
import { isForwarded, requestCredentials } from '../credentials.ts'
import type { HttpResponse, StreamResponse } from '../transport/transport.ts'
import { type LimitedRequest, refusedReply } from './limited-request.ts'
import { isOperator } from './operator-right.ts'
import { paramsOf } from './params.ts'
import { errorReply, json } from './replies.ts'
import type { RouteContext } from './route-context.ts'
import { asQuery, health, isForOperators, isHealth, READ, type Route, routesAt } from './route-table.ts'
import { shutOut, whileAdmitted } from './while-admitted.ts'

/** Answers every HTTP request. Never rejects. */
export async function route(context: RouteContext, request: LimitedRequest): Promise<HttpResponse | StreamResponse> {
  const { method, path } = request
  try {
    const page = READ.includes(method) ? context.pages.find(path) : undefined
    if (page !== undefined) return page
    if (context.access.isLocal && isForwarded(request.header)) return forwarded()
    if (method === 'OPTIONS') {
      return { kind: 'whole', status: 204, headers: { allow: allowed(methodsOf(routesOf(path))) }, body: '' }
    }
    const caller = await context.access.authenticate(requestCredentials(request), request.from)
    if (caller.kind === 'refused') return isHealth(path) ? health(context, path, false) : shutOut(caller)
    return await whileAdmitted(context.access, caller, request, (checked) => dispatch(context, checked, caller))
  } catch (error) {
    const failure = failureOf(error)
    if (failure !== undefined)
      return errorReply(failure.code, failure.message, failure.retryable ? RETRY_AFTER_MS.query : undefined)
    return errorReply('internal', describeDefect(context.report(`${method} ${path}`, error)))
  }
}

async function dispatch(
  context: RouteContext,
  request: LimitedRequest,
  caller: Caller,
): Promise<HttpResponse | StreamResponse> {
  const { method, path, query, limits } = request
  const over = limits.identify(limitName(caller))
  if (over !== undefined) return refusedReply(over)
  if (context.operators === 'elsewhere' && isForOperators(path)) return nothingAt(path)
  const routes = routesOf(path)
  const route = routes.find(({ methods }) => methods.includes(method))
  if (route === undefined) {
    const methods = methodsOf(routes)
    const message = `Use ${methods.join(' or ')}.`
    return json(405, { error: { code: 'not_found', message } }, { allow: allowed(methods) })
  }
  const mayOperate = isOperator(context.access, caller, request)
  if ((route.audience === 'admins' || route.audience === 'operators') && !mayOperate) {
    context.audit?.note({ kind: 'admin_denied', subject: caller.subject, address: request.from, what: path })
    return errorReply('forbidden', context.access.isOpen ? ELSEWHERE : ERROR_CODES.forbidden)
  }
  const refused = route.charge(limits)
  if (refused !== undefined) return refusedReply(refused)
  return route.answer({ context, request, caller, params: paramsOf(query), mayOperate })
}

/** To look for nothing costs as much as a query. */
const NOTHING: readonly Route[] = [
  { path: '', methods: READ, charge: asQuery, answer: ({ request }) => nothingAt(request.path) },
]

function routesOf(path: string): readonly Route[] {
  const routes = routesAt(path)
  return routes.length === 0 ? NOTHING : routes
}

/** Asked by machines that watch this one, and by nobody who waits for events. */
export function isForWatchers(path: string): boolean {
  return isHealth(path) || isForOperators(path)
}

const ELSEWHERE =
  "Without authentication only the gateway's own machine may see this, and not through a proxy. " +
  'Set TIDEGATE_ADMIN_PORT, or configure tokens.'

function nothingAt(path: string): HttpResponse {
  return errorReply('not_found', `Nothing at ${quoted(path)}.`)
}

/** The answer to requests through a proxy, at a gateway that has no authentication because it takes itself for private. */
export function forwarded(): HttpResponse {
  const message =
    'This gateway has no authentication, since it listens on this machine alone, and a proxy has passed this request on. ' +
    'Configure tokens, or set TIDEGATE_ANONYMOUS=all to let everybody do everything.'
  return errorReply('forbidden', message)
}

function methodsOf(routes: readonly Route[]): readonly string[] {
  return routes.flatMap(({ methods }) => methods)
}

function allowed(methods: readonly string[]): string {
  return [...methods, 'OPTIONS'].join(', ')
}
