import { type Access, type Caller, type Rights, TICKET_MS } from '../../access/index.ts'
import type { ClientLimits, Refusal } from '../../limits/index.ts'
import { optionalNumber, type Params } from '../../queries/index.ts'
import { STREAM_PATH } from '../credentials.ts'
import type { HttpResponse, StreamResponse } from '../transport/transport.ts'
import { listLetters, redriveLetters } from './dead-letters.ts'
import { END_PATH, endInput } from './end-input.ts'
import { askEntities, ENTITY_PATHS } from './entity-queries.ts'
import { COMMAND_PATH, commandOutcome, OUTCOME_PATH, sendCommand } from './entity-routes.ts'
import type { LimitedRequest } from './limited-request.ts'
import { publishEvents } from './publish-events.ts'
import { errorReply, json, type WriteJson } from './replies.ts'
import type { RouteContext } from './route-context.ts'

type Answer = HttpResponse | StreamResponse

/** A request whose caller is known. */
export interface Call {
  readonly context: RouteContext
  readonly request: LimitedRequest
  readonly caller: Caller
  readonly params: Params
  /** Whether the caller may see what operators see. */
  readonly mayOperate: boolean
}

export interface Route {
  readonly path: string | RegExp
  readonly methods: readonly string[]
  /**
   * Absent: all callers, with the rights that the answer asks for. `watchers` need no token. `admins` and `operators` need the right
   * `admin`; routes for `operators` may have an address of their own, which asks nobody who they are. So dead letters, which are
   * events, are for `admins`.
   */
  readonly audience?: 'watchers' | 'admins' | 'operators'
  /** Takes from the limits what a request costs before it is answered. @returns why it is refused */
  readonly charge: (limits: ClientLimits) => Refusal | undefined
  readonly answer: (call: Call) => Answer | Promise<Answer>
}

/** The transport removes the body from an answer to HEAD. */
export const READ: readonly string[] = ['GET', 'HEAD']
const SEND: readonly string[] = ['POST']

const WINDOW_PATH = /^\/v1\/windows\/([a-z0-9_.]+)$/
const DEFAULT_HISTORY = 100
/** Sessions that `/v1/slow` lists. */
const DEFAULT_SLOW = 20
const MAX_SLOW = 1_000

export const asQuery = (limits: ClientLimits) => limits.overdrawn('reads') ?? limits.hold('queries', 1)
/** It costs nothing, or its answer charges for what it finds in the request. */
const byItself = () => undefined

/** A path may have a route for each method. */
export const ROUTES: readonly Route[] = [
  {
    path: '/v1/events',
    methods: SEND,
    charge: byItself,
    answer: ({ context, request, caller }) => publishEvents(context, request, caller),
  },
  {
    path: END_PATH,
    methods: SEND,
    charge: byItself,
    answer: ({ context, request, caller }) => endInput(context, request, caller),
  },
  {
    path: '/v1/tickets',
    methods: SEND,
    charge: (limits) => limits.ticket(),
    answer: ({ context, caller }) => issueTicket(context.access, caller),
  },
  {
    path: STREAM_PATH,
    methods: READ,
    charge: byItself,
    answer: ({ context, request, caller }) => context.streams.open(request, caller),
  },
  ...ENTITY_PATHS.map((path) => ({
    path,
    methods: READ,
    charge: asQuery,
    answer: (call: Call) => askEntities(queriesOf(call).entities, call.request.path, call.params, writing(call)),
  })),
  {
    path: COMMAND_PATH,
    methods: SEND,
    charge: (limits) => limits.events(1),
    answer: ({ context, request, params, caller }) => sendCommand(context.commands, request, params, caller),
  },
  {
    path: OUTCOME_PATH,
    methods: READ,
    charge: asQuery,
    answer: ({ context, request, caller }) => commandOutcome(context.commands, request.path, caller),
  },
  {
    path: '/v1/entities',
    methods: READ,
    charge: asQuery,
    answer: (call) => writing(call)({ entities: queriesOf(call).entities.list() }),
  },
  { path: '/v1/topics', methods: READ, charge: asQuery, answer: (call) => writing(call)(queriesOf(call).topics()) },
  { path: WINDOW_PATH, methods: READ, charge: asQuery, answer: windowResults },
  {
    path: '/v1/history',
    methods: READ,
    charge: asQuery,
    answer: async (call) => writing(call)(await queriesOf(call).history({ limit: DEFAULT_HISTORY, ...call.params })),
  },
  {
    path: '/v1/rates',
    methods: READ,
    charge: asQuery,
    answer: async (call) => writing(call)(await rates(call.context.status, call.caller.rights)),
  },
  {
    path: '/v1/dead-letters',
    methods: READ,
    audience: 'admins',
    charge: asQuery,
    answer: async ({ context, params, caller }) => json(200, await listLetters(context, params, caller)),
  },
  {
    path: '/v1/dead-letters/redrive',
    methods: SEND,
    audience: 'admins',
    charge: asQuery,
    answer: async ({ context, request, params, caller }) =>
      json(200, await redriveLetters(context, params, caller, request.from)),
  },
  {
    path: '/v1/slow',
    methods: READ,
    audience: 'operators',
    charge: asQuery,
    answer({ context, params }) {
      const count = optionalNumber(params, 'n', 1) ?? DEFAULT_SLOW
      return json(200, { sessions: context.delivery.slowest(Math.min(MAX_SLOW, count)) })
    },
  },
  {
    path: '/v1/status',
    methods: READ,
    audience: 'operators',
    charge: asQuery,
    answer: async ({ context }) => json(200, await context.status.read()),
  },
  {
    path: '/metrics',
    methods: READ,
    audience: 'operators',
    charge: asQuery,
    answer: async ({ context }) => {
      const headers = { 'content-type': 'text/plain; version=0.0.4' }
      return { kind: 'whole', status: 200, headers, body: await context.metrics() }
    },
  },
  ...['/livez', '/readyz'].map((path) => ({
    path,
    methods: READ,
    audience: 'watchers' as const,
    charge: byItself,
    answer: ({ context, mayOperate }: Call) => health(context, path, mayOperate),
  })),
  {
    path: '/v1/ws',
    methods: READ,
    charge: asQuery,
    answer: () => errorReply('invalid_frame', 'This address speaks WebSocket, subprotocol tidegate.v1.'),
  },
]

const EXACT = new Map(ROUTES.map((route) => [route.path, [route]] as const))
const PATTERNS = ROUTES.flatMap((route) => (route.path instanceof RegExp ? [{ route, pattern: route.path }] : []))

/** The routes of a path, which differ in their methods. */
export function routesAt(path: string): readonly Route[] {
  return EXACT.get(path) ?? PATTERNS.filter(({ pattern }) => pattern.test(path)).map(({ route }) => route)
}

export function isForOperators(path: string): boolean {
  return EXACT.get(path)?.[0].audience === 'operators'
}

/** Whether it says no more than that the process works. */
export function isHealth(path: string): boolean {
  return EXACT.get(path)?.[0].audience === 'watchers'
}

function queriesOf({ context, request, caller }: Call) {
  return context.queries.of(caller.rights, request.limits)
}

function writing({ context, request: { limits } }: Call): WriteJson {
  return (body, headers) => context.queries.inTurn(limits, () => json(200, body, headers))
}

async function windowResults(call: Call): Promise<HttpResponse> {
  const window = WINDOW_PATH.exec(call.request.path)![1]!
  return writing(call)({ window, ...(await queriesOf(call).window({ ...call.params, name: window })) })
}

/** The details of readiness - addresses, workers, breakers - are for operators. */
export function health({ readiness, operators }: RouteContext, path: string, mayOperate: boolean): HttpResponse {
  if (path === '/livez') return json(200, { live: true })
  const report = readiness.report()
  return json(report.ready ? 200 : 503, operators === 'here' && mayOperate ? report : { ready: report.ready })
}

/** Events stored of topics of which the caller may read every key: totals tell of all of them. @throws BusUnavailable */
async function rates(status: RouteContext['status'], rights: Rights) {
  const { at, fault, stored } = await status.read()
  const isRead = (topic: string) => READING.some((operation) => rights.keys(operation, topic).kind === 'all')
  const topics = stored.topics.filter(({ topic }) => !topic.includes('~') && isRead(topic))
  return { at, ...(fault !== undefined && { fault }), stored: { ...stored, topics } }
}

const READING = ['subscribe', 'query'] as const

/** `POST /v1/tickets`: what an address may show in place of a token, once. @throws BusUnavailable */
async function issueTicket(access: Pick<Access, 'createTicket'>, caller: Caller): Promise<HttpResponse> {
  return json(
    201,
    { ticket: await access.createTicket(caller), expiresInMs: TICKET_MS },
    { 'cache-control': 'no-store' },
  )
}
