import {
  type Authority,
  type HostPattern,
  isAddress,
  isLoopback,
  isServedBy,
  matchesHost,
  matchesOrigin,
  type OriginPattern,
  parseAuthority,
  parseOrigin,
} from './web-origin.ts'

export interface PageSettings {
  /** The address that the gateway listens on. */
  readonly host: string
  /** Origins, besides the gateway's own, whose pages may use it. */
  readonly origins: readonly OriginPattern[]
  /** Further names that the gateway is reached by. */
  readonly hosts: readonly HostPattern[]
}

/** The head of a request. */
export interface PageRequest {
  readonly method: string
  /** Value of a header by its lower-case name. */
  header(name: string): string | undefined
}

export type PageVerdict =
  /** No page sent it, or one that this gateway served. */
  | { readonly kind: 'own' }
  /** A page of another origin that may read the answer. */
  | { readonly kind: 'guest'; readonly origin: string }
  | { readonly kind: 'refused'; readonly code: 'forbidden' | 'invalid_frame'; readonly message: string }

const OWN: PageVerdict = { kind: 'own' }
/** Of a header that a refusal repeats. */
const SHOWN_CHARS = 100

/**
 * Decides which pages may use the gateway. Browsers say where a page comes from in `Origin` and `Sec-Fetch-Site`, which
 * no page can forge. Everything else - devices, services, curl - sends neither.
 *
 * `Host` is checked even so: a page whose own name is made to resolve to this gateway (DNS rebinding) is of the same
 * origin for its browser.
 */
export class PageAccess {
  readonly #settings: PageSettings
  readonly #boundTo: Authority | undefined

  constructor(settings: PageSettings) {
    this.#settings = settings
    const { host } = settings
    this.#boundTo = parseAuthority(host.includes(':') ? `[${host}]` : host)
  }

  judge({ method, header }: PageRequest): PageVerdict {
    const host = parseAuthority(header('host') ?? '')
    if (host === undefined) return refused('invalid_frame', 'Host is not a name or an address, with or without a port.')
    if (!this.#isReachedBy(host)) {
      return refused(
        'forbidden',
        `This gateway is not reached as ${host.host}. If it is, add the name to TIDEGATE_HOSTS.`,
      )
    }
    const origin = header('origin')
    const isOwnSite = OWN_SITES.has(header('sec-fetch-site'))
    if (origin !== undefined) return this.#judgeOrigin(origin, host, isOwnSite)
    if (isOwnSite || (method === 'GET' && header('sec-fetch-dest') === 'document')) return OWN
    return refused('forbidden', 'A page of another origin asks without CORS. Use fetch, EventSource or WebSocket.')
  }

  /**
   * Whether the browser shows it by the will of a page of this gateway, or of an origin that is named: what browsers add by
   * themselves - cookies - counts for no other.
   */
  isFromKnownPage({ header }: Pick<PageRequest, 'header'>): boolean {
    const host = parseAuthority(header('host') ?? '')
    const text = header('origin')
    if (text === undefined) return header('sec-fetch-site') === 'same-origin'
    const origin = parseOrigin(text)
    if (origin === undefined || host === undefined) return false
    return isServedBy(origin, host) || this.#settings.origins.some((pattern) => matchesOrigin(pattern, origin))
  }

  #judgeOrigin(text: string, host: Authority, isOwnSite: boolean): PageVerdict {
    const origin = parseOrigin(text)
    if (origin !== undefined) {
      if (isOwnSite && isServedBy(origin, host)) return OWN
      const isNeighbour = isLoopback(origin) && isLoopback(host)
      if (isNeighbour || this.#settings.origins.some((pattern) => matchesOrigin(pattern, origin))) {
        return { kind: 'guest', origin: text }
      }
    }
    const shown = text.slice(0, SHOWN_CHARS)
    return refused('forbidden', `Pages of ${shown} may not use this gateway. If they may, add it to TIDEGATE_ORIGINS.`)
  }

  #isReachedBy(host: Authority): boolean {
    if (isLoopback(host) || isAddress(host) || host.host === this.#boundTo?.host) return true
    // No page on the internet has such a name. One in the same network may, but from there nothing stands before a
    // gateway that listens to that network.
    if (!host.host.includes('.') && !(this.#boundTo && isLoopback(this.#boundTo))) return true
    const { hosts, origins } = this.#settings
    return (
      hosts.some((pattern) => matchesHost(pattern, host)) || origins.some((pattern) => matchesHost(pattern.host, host))
    )
  }
}

/** `Sec-Fetch-Site` of requests that no page of another origin sent. Older browsers have no such header. */
const OWN_SITES: ReadonlySet<string | undefined> = new Set([undefined, 'same-origin', 'none'])

function refused(code: 'forbidden' | 'invalid_frame', message: string): PageVerdict {
  return { kind: 'refused', code, message }
}
