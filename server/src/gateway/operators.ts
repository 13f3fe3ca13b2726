import { ANYBODY } from '../access/index.ts'
import { isLoopback } from '../config/loopback.ts'
import type { Limits } from '../limits/index.ts'
import { describeDefect } from '../observability/defects.ts'
import { limited } from './http/limited-request.ts'
import { errorReply } from './http/replies.ts'
import { isForOperators, type RouteContext, route } from './http/routes.ts'
import type { HttpRequest, HttpResponse, StreamResponse, TransportHandlers } from './transport/transport.ts'

const EVERYBODY: RouteContext['access'] = {
  isLocal: false,
  authenticate: () => ANYBODY,
  createTicket: () => Promise.reject(new Error('there are no streams here')),
}

const HEALTH: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** What is served at an address of its own, for operators: their routes and health, in full. No events, and no sockets. */
export class Operators implements TransportHandlers {
  readonly #routes: RouteContext
  readonly #isLocal: boolean
  readonly #limits: Limits

  /** @param host what is listened on */
  constructor(routes: Omit<RouteContext, 'operators' | 'access'>, host: string, limits: Limits) {
    this.#limits = limits
    // Who reaches this address is an operator.
    this.#routes = { ...routes, operators: 'here', access: EVERYBODY }
    this.#isLocal = isLoopback(host)
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

  async request(request: HttpRequest): Promise<HttpResponse | StreamResponse> {
    // A page on the internet can give its own name the address of this machine, and then read what is answered here.
    if (this.#isLocal && !isLoopback(hostName(request.header('host') ?? ''))) {
      return errorReply('forbidden', 'Ask this listener by its address or as localhost.')
    }
    if (!HEALTH.has(request.path) && !isForOperators(request.path)) {
      return errorReply('not_found', `Nothing for operators at ${request.path}.`)
    }
    const limits = this.#limits.exempt()
    const answer = await route(this.#routes, limited(request, limits))
    limits.close()
    return answer
  }

  /** Nothing here has a body. */
  holdBody(): boolean {
    return false
  }

  releaseBody(): void {}

  defect(where: string, error: unknown): string {
    return describeDefect(this.#routes.report(`${where} of operators`, error))
  }
}

/** Without port, and without the brackets of IPv6. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
}
