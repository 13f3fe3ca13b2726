import { isIPv4 } from 'node:net'

/** Host and port in one spelling: lower case, addresses as the URL standard writes them, no dot at the end. */
export interface Authority {
  /** IPv6 in brackets. */
  readonly host: string
  readonly port: number | undefined
}

/** Where a page comes from. */
export interface WebOrigin extends Authority {
  /** In lower case. */
  readonly scheme: string
}

/** One host, or all hosts below it. */
export interface HostPattern {
  readonly kind: 'exactly' | 'below'
  readonly host: string
}

export interface OriginPattern extends Pick<WebOrigin, 'scheme' | 'port'> {
  readonly host: HostPattern
}

/** A name, an IPv4 address, or an IPv6 address in brackets; then a port. */
const AUTHORITY = /^([\w.-]+|\[[\d.:a-f]+\])(?::(\d{1,5}))?$/i
const ORIGIN = /^([a-z][a-z\d+.-]*):\/\/(.+)$/i
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
])
const BELOW = '*.'

/** Parses a `Host`. */
export function parseAuthority(text: string): Authority | undefined {
  const [, name, port] = AUTHORITY.exec(text) ?? []
  if (name === undefined || !URL.canParse(`http://${name}`)) return undefined
  const host = new URL(`http://${name}`).hostname.replace(/\.$/, '')
  return host === '' ? undefined : { host, port: port === undefined ? undefined : Number(port) }
}

/** Parses an `Origin`; `undefined` for `null` too, which any page can obtain. Default ports are filled in. */
export function parseOrigin(text: string): WebOrigin | undefined {
  const [, scheme, rest] = ORIGIN.exec(text) ?? []
  const authority = rest === undefined ? undefined : parseAuthority(rest)
  return authority && withDefaultPort(authority, scheme!.toLowerCase())
}

/** Whether a page of this origin was served by the given host. The scheme of the host is not known. */
export function isServedBy(origin: WebOrigin, authority: Authority): boolean {
  if (!DEFAULT_PORTS.has(origin.scheme)) return false
  return origin.host === authority.host && origin.port === withDefaultPort(authority, origin.scheme).port
}

/** Only programs of the same machine serve such a host. */
export function isLoopback({ host }: Authority): boolean {
  return /^(.+\.)?localhost$/.test(host) || (isIPv4(host) && host.startsWith('127.')) || LOOPBACK_IPV6.test(host)
}

/** The same of a host as it is written in an address or a setting: IPv6 with or without brackets. */
export function isLoopbackHost(host: string): boolean {
  const authority = parseAuthority(host.includes(':') && !host.startsWith('[') ? `[${host}]` : host)
  return authority !== undefined && isLoopback(authority)
}

/** `::1`, and 127.0.0.0/8 written as IPv6. */
const LOOPBACK_IPV6 = /^\[::(1|ffff:7f[\da-f]{2}:[\da-f]{1,4})\]$/

export function isAddress({ host }: Authority): boolean {
  return host.startsWith('[') || isIPv4(host)
}

export function matchesHost({ kind, host }: HostPattern, candidate: Authority): boolean {
  return kind === 'exactly' ? candidate.host === host : candidate.host.endsWith(`.${host}`)
}

export function matchesOrigin({ scheme, host, port }: OriginPattern, origin: WebOrigin): boolean {
  return origin.scheme === scheme && origin.port === port && matchesHost(host, origin)
}

/** @throws {RangeError} */
export function parseHostPattern(text: string): HostPattern {
  const isBelow = text.startsWith(BELOW)
  const authority = parseAuthority(isBelow ? text.slice(BELOW.length) : text)
  if (authority === undefined || authority.port !== undefined) {
    throw new RangeError('it must be a host without a port, such as events.example.org or *.example.org')
  }
  return hostPattern(isBelow, authority)
}

/** @throws {RangeError} */
export function parseOriginPattern(text: string): OriginPattern {
  const isBelow = text.includes(`://${BELOW}`)
  const origin = parseOrigin(isBelow ? text.replace(`://${BELOW}`, '://') : text)
  if (origin === undefined) {
    throw new RangeError(
      'it must be an origin without a path, such as https://app.example.org or https://*.example.org; `null` is none',
    )
  }
  const { scheme, port } = origin
  return { scheme, port, host: hostPattern(isBelow, origin) }
}

function hostPattern(isBelow: boolean, authority: Authority): HostPattern {
  const { host } = authority
  // Below a single word, or an address, anybody may have a name.
  if (isBelow && (isAddress(authority) || !host.includes('.'))) {
    throw new RangeError('`*.` must be followed by a domain of its own, such as *.example.org')
  }
  return { kind: isBelow ? 'below' : 'exactly', host }
}

function withDefaultPort<T extends Authority>(authority: T, scheme: string): T & { readonly scheme: string } {
  return { ...authority, scheme, port: authority.port ?? DEFAULT_PORTS.get(scheme) }
}
