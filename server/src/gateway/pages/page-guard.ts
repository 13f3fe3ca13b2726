import { PageAccess, type PageSettings, type PageVerdict } from '../../page-access.ts'
import { errorReply } from '../http/replies.ts'
import type { HttpRequest, HttpResponse, StreamResponse } from '../transport/transport.ts'
import { isPreflight, preflightReply, readableBy } from './cors.ts'

/** Headers that decide who may have an answer. */
const VARY = 'Origin, Sec-Fetch-Site'

/** Stands before the routes and the sockets: what a page may not do is refused before anything else is looked at. */
export class PageGuard {
  readonly #access: PageAccess

  constructor(settings: PageSettings) {
    this.#access = new PageAccess(settings)
  }

  /** @param route answers what no page of another origin sent, and what such a page may send */
  async answer(
    request: HttpRequest,
    route: () => Promise<HttpResponse | StreamResponse>,
  ): Promise<HttpResponse | StreamResponse> {
    const verdict = this.#access.judge(request)
    const answer = await answerFor(verdict, request, route)
    return { ...answer, headers: { ...answer.headers, vary: VARY } }
  }

  /** Whether what browsers add to a request by themselves counts. */
  isFromKnownPage(request: Pick<HttpRequest, 'header'>): boolean {
    return this.#access.isFromKnownPage(request)
  }

  /** Why a WebSocket handshake is refused. */
  refuse(handshake: Pick<HttpRequest, 'method' | 'header'>): HttpResponse | undefined {
    const verdict = this.#access.judge(handshake)
    return verdict.kind === 'refused' ? errorReply(verdict.code, verdict.message) : undefined
  }
}

async function answerFor(
  verdict: PageVerdict,
  request: HttpRequest,
  route: () => Promise<HttpResponse | StreamResponse>,
): Promise<HttpResponse | StreamResponse> {
  switch (verdict.kind) {
    case 'refused':
      return errorReply(verdict.code, verdict.message)
    case 'guest':
      return readableBy(verdict.origin, isPreflight(request) ? preflightReply(request) : await route())
    case 'own':
      return route()
  }
}
