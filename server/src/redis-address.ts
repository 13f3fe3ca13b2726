/** The address of a Redis, and the user to log in as. */
export type RedisAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | ({ readonly kind: 'tcp' } & HostAndPort & RedisLogin)
  | SentinelAddress
  | ClusterAddress

export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** How a Redis is used, wherever it is. */
export interface RedisLogin {
  readonly database: number
  /** Absent: the connection is not encrypted. */
  readonly tls: RedisTls | undefined
  readonly username: string
  readonly password: string
}

/** The master that Sentinels name, wherever it moves. The login is that of the master. */
export interface SentinelAddress extends RedisLogin {
  readonly kind: 'sentinel'
  readonly sentinels: readonly HostAndPort[]
  /** What the Sentinels call the master. */
  readonly name: string
  readonly sentinelUser: string
  readonly sentinelPassword: string
  /** `host:port` as the Sentinels name a Redis -> where it is reached from here. */
  readonly nat: ReadonlyMap<string, HostAndPort>
}

/** The masters of a Redis Cluster, whichever they are. The login is that of all nodes; there is only database 0. */
export interface ClusterAddress extends RedisLogin {
  readonly kind: 'cluster'
  /** Some of the nodes: they name the others. */
  readonly seeds: readonly HostAndPort[]
  /** `host:port` as the nodes name each other -> where that one is reached from here. */
  readonly nat: ReadonlyMap<string, HostAndPort>
}

/** Parameters of a `rediss://` address. The first three name files of PEM text. */
export interface RedisTls {
  /** Authorities that the certificate of Redis must come from; absent: those that Node knows. */
  readonly ca?: string
  /** Client certificate. */
  readonly cert?: string
  readonly key?: string
  /** Name in the certificate of Redis, where it is not the host. */
  readonly servername?: string
}

const DEFAULT_PORT = 6_379
const DEFAULT_SENTINEL_PORT = 26_379
const TLS_PARAMETERS = ['ca', 'cert', 'key', 'servername'] as const
const SENTINEL_PARAMETERS = ['sentinelUser', 'sentinelPassword', 'nat'] as const
const CLUSTER_PARAMETERS = ['nat'] as const
const FORM =
  'redis://host[:port][/database], with user:password and @ before the host where it asks for them; rediss:// in its place for TLS (?ca=file&cert=file&key=file&servername=name), redis+sentinel://host[:port],.../name[/database] for the master that Sentinels name, redis+cluster://host[:port],... for the masters of a cluster, or the path of a unix socket'
const SCHEMES: ReadonlyMap<string, { readonly parse: typeof tcpAddress; readonly isTls: boolean }> = new Map([
  ['redis', { parse: tcpAddress, isTls: false }],
  ['rediss', { parse: tcpAddress, isTls: true }],
  ['redis+sentinel', { parse: sentinelAddress, isTls: false }],
  ['rediss+sentinel', { parse: sentinelAddress, isTls: true }],
  ['redis+cluster', { parse: clusterAddress, isTls: false }],
  ['rediss+cluster', { parse: clusterAddress, isTls: true }],
])

/**
 * @throws {RangeError} with what is wrong. It MUST NOT repeat any part of the text: a mistyped address may have its
 *   password anywhere.
 */
export function parseRedisAddress(text: string): RedisAddress {
  if (text.startsWith('/')) return { kind: 'socket', path: text }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw malformed('it has no scheme')
  const known = SCHEMES.get(scheme)
  if (known === undefined) throw malformed(unknownScheme(scheme))
  return known.parse(text, known.isTls)
}

function unknownScheme(scheme: string): string {
  if (scheme.includes('cluster')) return 'a cluster has the scheme redis+cluster://'
  return scheme.includes('sentinel') ? 'Sentinels have the scheme redis+sentinel://' : 'its scheme is not known'
}

function tcpAddress(text: string, isTls: boolean): RedisAddress {
  const url = parsed(text)
  const { pathname, search, searchParams, hash, username, password } = url
  if (hash !== '' || (search !== '' && !isTls)) throw malformed('nothing may follow the database')
  return {
    kind: 'tcp',
    ...hostAndPort(url, DEFAULT_PORT),
    database: databaseOf(pathname),
    tls: isTls ? tlsOf(parametersOf(searchParams, TLS_PARAMETERS)) : undefined,
    username: decoded(username),
    password: decoded(password),
  }
}

/** A list of hosts is no URL, so what stands around it is parsed with the first of them, and the others by themselves. */
function listAddress(text: string, defaultPort: number): { readonly around: URL; readonly places: HostAndPort[] } {
  const [, head = '', list = '', tail = ''] = /^([^:]*:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/s.exec(text)!
  const hosts = list.split(',')
  const places = hosts.map((host) => hostAndPort(parsed(`redis://${host}`), defaultPort))
  const around = parsed(`${head}${hosts[0]}${tail}`)
  if (around.hash !== '') throw malformed('nothing may follow the database')
  return { around, places }
}

function clusterAddress(text: string, isTls: boolean): ClusterAddress {
  const { around, places } = listAddress(text, DEFAULT_PORT)
  if (!/^(\/0?)?$/.test(around.pathname)) throw malformed('a cluster has only database 0')
  const allowed = isTls ? [...TLS_PARAMETERS, ...CLUSTER_PARAMETERS] : CLUSTER_PARAMETERS
  const { nat, ...tls } = parametersOf(around.searchParams, allowed)
  return {
    kind: 'cluster',
    seeds: places,
    database: 0,
    tls: isTls ? tlsOf(tls) : undefined,
    username: decoded(around.username),
    password: decoded(around.password),
    nat: natOf(nat),
  }
}

function sentinelAddress(text: string, isTls: boolean): SentinelAddress {
  const { around, places } = listAddress(text, DEFAULT_SENTINEL_PORT)
  const { pathname, searchParams, username, password } = around
  const [, name = '', database = ''] = /^\/([^/]+)(\/.*)?$/.exec(pathname) ?? []
  if (name === '') throw malformed('behind the Sentinels it must name their master')
  const allowed = isTls ? [...TLS_PARAMETERS, ...SENTINEL_PARAMETERS] : SENTINEL_PARAMETERS
  const { sentinelUser = '', sentinelPassword = '', nat, ...tls } = parametersOf(searchParams, allowed)
  return {
    kind: 'sentinel',
    sentinels: places,
    name: decoded(name),
    database: databaseOf(database),
    tls: isTls ? tlsOf(tls) : undefined,
    username: decoded(username),
    password: decoded(password),
    sentinelUser,
    sentinelPassword,
    nat: natOf(nat),
  }
}

function natOf(text: string | undefined): ReadonlyMap<string, HostAndPort> {
  if (text === undefined) return new Map()
  return new Map(
    text.split(',').map((pair) => {
      const sides = pair.split('=').map((side) => parsed(`redis://${side}`))
      const [from, to] = sides.map((side) => hostAndPort(side, DEFAULT_PORT))
      if (from === undefined || to === undefined || sides.length > 2) {
        throw malformed('nat is a list of host:port=host:port, inside and outside, separated by commas')
      }
      return [placeName(from), to]
    }),
  )
}

/** As the keys of `nat` have it. */
export function placeName({ host, port }: HostAndPort): string {
  return `${host}:${port}`
}

function parsed(text: string): URL {
  if (URL.canParse(text)) return new URL(text)
  throw malformed(
    'its host or port is not valid; of a password, all but letters and digits must be percent-encoded (@ is %40, / is %2F)',
  )
}

function hostAndPort({ hostname, port }: Pick<URL, 'hostname' | 'port'>, defaultPort: number): HostAndPort {
  if (hostname === '') throw malformed('it has no host')
  if (port === '0') throw malformed('its port must be from 1 to 65535')
  return {
    // An IPv6 address stands in brackets in a URL only.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? defaultPort : Number(port),
  }
}

function databaseOf(path: string): number {
  if (!/^(\/\d{0,9})?$/.test(path)) throw malformed('its database, behind the host, must be a whole number')
  return Number(path.slice(1))
}

/** @returns those that are there, none of them empty */
function parametersOf<Name extends string>(
  parameters: URLSearchParams,
  allowed: readonly Name[],
): Partial<Record<Name, string>> {
  const known: ReadonlySet<string> = new Set(allowed)
  const names = [...parameters.keys()]
  if (names.some((name) => !known.has(name)) || new Set(names).size < names.length) {
    throw malformed(`behind the database there are only ${allowed.join(', ')}, each once`)
  }
  if ([...parameters.values()].includes('')) throw malformed('a parameter behind the database is empty')
  return Object.fromEntries(parameters) as Partial<Record<Name, string>>
}

function tlsOf(parameters: RedisTls): RedisTls {
  if ((parameters.cert === undefined) !== (parameters.key === undefined)) throw malformed('cert and key go together')
  return parameters
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw malformed('a % in its user or password must be written as %25')
  }
}

function malformed(what: string): RangeError {
  return new RangeError(`${what}: ${FORM}`)
}
