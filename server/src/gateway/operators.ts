import { ANYBODY } from '../access/index.ts'
import type { Limits } from '../limits/index.ts'
import { describeDefect } from '../observability/defects.ts'
import { limited } from './http/limited-request.ts'
import { errorReply } from './http/replies.ts'
import type { RouteContext } from './http/route-context.ts'
import { isForOperators } from './http/route-table.ts'
import { route } from './http/routes.ts'
import type { PageGuard } from './pages/page-guard.ts'
import type {
  BodyAccount,
  HttpRequest,
  HttpResponse,
  StreamResponse,
  TransportHandlers,
} from './transport/transport.ts'

const EVERYBODY: RouteContext['access'] = {
  isLocal: false,
  // It is known who this is: an operator.
  isOpen: false,
  admits: () => true,
  authenticate: () => ANYBODY,
  createTicket: () => Promise.reject(new Error('there are no streams here')),
}

const HEALTH: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** What is served at an address of its own, for operators: their routes and health, in full. No events, and no sockets. */
export class Operators implements TransportHandlers {
  readonly #routes: RouteContext
  readonly #guard: PageGuard
  readonly #limits: Limits

  constructor(routes: Omit<RouteContext, 'operators' | 'access'>, guard: PageGuard, limits: Limits) {
    this.#limits = limits
    // Every caller at this address is an operator.
    this.#routes = { ...routes, operators: 'here', access: EVERYBODY }
    this.#guard = guard
  }

  accept(): boolean {
    return true
  }

  upgrade(): HttpResponse {
    return errorReply('not_found', 'There are no sockets here.')
  }

  open(): never {
    throw new Error('every handshake is refused')
  }

  request(request: HttpRequest): Promise<HttpResponse | StreamResponse> {
    return this.#guard.answer(request, async () => {
      if (!HEALTH.has(request.path) && !isForOperators(request.path)) {
        return errorReply('not_found', `Nothing for operators at ${request.path}.`)
      }
      const limits = this.#limits.exempt()
      const answer = await route(
        this.#routes,
        limited(request, { limits, from: request.remoteAddress, ambient: { kind: 'none' } }),
      )
      limits.close()
      return answer
    })
  }

  /** Nothing here has a body. */
  body(): BodyAccount {
    const refuse = () => errorReply('not_found', 'There is nothing here that takes a body.')
    return { came: refuse, keep: refuse, release: () => {}, close: () => {} }
  }

  defect(where: string, error: unknown): string {
    return describeDefect(this.#routes.report(`${where} of operators`, error))
  }
}
