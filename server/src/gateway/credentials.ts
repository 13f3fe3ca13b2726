import type { Credentials } from '../access/index.ts'
import type { PageGuard } from './pages/page-guard.ts'
import type { Arrival, HttpRequest } from './transport/transport.ts'

export const NONE: Credentials = { kind: 'none' }
/** RFC 6750, 2.1. */
const BEARER = /^Bearer +([\w.~+/=-]+) *$/i

/** What a `hello` or `token` frame shows. @param ambient what its connection showed, where that has no token */
export function tokenCredentials(token: string | undefined, ambient: Credentials = NONE): Credentials {
  return token === undefined ? ambient : { kind: 'token', text: token }
}

/** What a request shows: `Authorization: Bearer`, for a stream the ticket in its address, or what it was sent with. */
export function requestCredentials({
  path,
  query,
  header,
  ambient,
}: Pick<HttpRequest, 'path' | 'query' | 'header'> & { readonly ambient: Credentials }): Credentials {
  const authorization = header('authorization')
  // An unreadable token is a wrong one, rather than none.
  if (authorization !== undefined) return { kind: 'token', text: BEARER.exec(authorization)?.[1] ?? '' }
  const ticket = path === STREAM_PATH ? query.get('ticket') : null
  return ticket === null ? ambient : { kind: 'ticket', text: ticket }
}

/** What a client shows without a word of the one who uses it: a cookie, or the certificate of its connection. */
export class AmbientCredentials {
  readonly #cookie: string | undefined
  readonly #guard: Pick<PageGuard, 'isFromKnownPage'>

  /** @param cookie the name of the one that may hold a token; `undefined`: none may */
  constructor(cookie: string | undefined, guard: Pick<PageGuard, 'isFromKnownPage'>) {
    this.#cookie = cookie
    this.#guard = guard
  }

  of({ header, certificate }: Pick<Arrival, 'header' | 'certificate'>): Credentials {
    const values = this.#cookie === undefined ? [] : cookiesOf(header('cookie') ?? '', this.#cookie)
    // A page elsewhere could send requests with it, if that were all it took.
    if (values.length > 0 && this.#guard.isFromKnownPage({ header })) {
      // Of several one was set by somebody else: another host of its domain, or a page without TLS.
      return { kind: 'token', text: values.length === 1 ? values[0]! : '' }
    }
    return certificate === undefined ? NONE : { kind: 'certificate', pem: certificate }
  }
}

function cookiesOf(text: string, name: string): string[] {
  return text
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
}

/** Whether a proxy has passed it on: then it may come from anywhere. */
export function isForwarded(header: Arrival['header']): boolean {
  return FORWARDED.some((name) => header(name) !== undefined)
}

/** Some proxies and tunnels send one of them alone. */
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
  'via',
]

export const STREAM_PATH = '/v1/stream'
