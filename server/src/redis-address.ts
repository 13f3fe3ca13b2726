/** The address of a Redis, and the user to log in as. */
export type RedisAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tcp'
      readonly host: string
      readonly port: number
      readonly database: number
      /** Absent: the connection is not encrypted. */
      readonly tls: RedisTls | undefined
      readonly username: string
      readonly password: string
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
const TLS_PARAMETERS = ['ca', 'cert', 'key', 'servername'] as const
const FORM =
  'redis://[user:password@]host[:port][/database], rediss:// in its place for TLS (?ca=file&cert=file&key=file&servername=name), or the path of a unix socket'
const SCHEMES = new Map([
  ['redis', false],
  ['rediss', true],
])

/**
 * @throws {RangeError} with what is wrong. It MUST NOT repeat any part of the text: a mistyped address may have its
 *   password anywhere.
 */
export function parseRedisAddress(text: string): RedisAddress {
  if (text.startsWith('/')) return { kind: 'socket', path: text }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw malformed('it has no scheme')
  const tls = SCHEMES.get(scheme)
  if (tls === undefined) {
    throw malformed(
      /sentinel|cluster/.test(scheme)
        ? 'Sentinel and Cluster are not supported, so it must be that of one Redis'
        : 'its scheme is not known',
    )
  }
  if (!URL.canParse(text)) {
    throw malformed(
      'its host or port is not valid; of a password, all but letters and digits must be percent-encoded (@ is %40, / is %2F)',
    )
  }
  const { hostname, port, pathname, search, searchParams, hash, username, password } = new URL(text)
  if (hostname === '') throw malformed('it has no host')
  if (port === '0') throw malformed('its port must be from 1 to 65535')
  if (hash !== '' || (search !== '' && !tls)) throw malformed('nothing may follow the database')
  if (!/^(\/\d{0,9})?$/.test(pathname)) throw malformed('its database, behind the host, must be a whole number')
  return {
    kind: 'tcp',
    // An IPv6 address stands in brackets in a URL only.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? DEFAULT_PORT : Number(port),
    database: Number(pathname.slice(1)),
    tls: tls ? tlsOf(searchParams) : undefined,
    username: decoded(username),
    password: decoded(password),
  }
}

function tlsOf(parameters: URLSearchParams): RedisTls {
  const known: ReadonlySet<string> = new Set(TLS_PARAMETERS)
  const names = [...parameters.keys()]
  if (names.some((name) => !known.has(name)) || new Set(names).size < names.length) {
    throw malformed(`behind the database there are only ${TLS_PARAMETERS.join(', ')}, each once`)
  }
  if ([...parameters.values()].includes('')) throw malformed('a parameter behind the database is empty')
  if (parameters.has('cert') !== parameters.has('key')) throw malformed('cert and key go together')
  return Object.fromEntries(parameters)
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
