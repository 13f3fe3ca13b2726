import { homedir, hostname } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { LIMITS, ON_SLOW } from '@tidegate/protocol'
import { parseLimits, parseTrustedProxies } from '../../limits/index.ts'
import { parseHostPattern, parseOriginPattern } from '../../web-origin.ts'
import { cookieName, jwtSecret, keySetUrl, publicKey } from './access-setting.ts'
import { CERTIFICATE_NAMES } from './certificate-name.ts'
import { listOf, number, oneOf, redisAddress, SettingsError, text, wholeNumber } from './setting-value.ts'

/** How a setting is named, read and explained. `docs/configuration.md` is generated from these. */
interface Variable<T> {
  readonly name: string
  /** The option that wins over the variable, without its dashes. */
  readonly flag?: string
  readonly meaning: string
  /** Never repeated, not even when it cannot be used. */
  readonly isSecret?: true
  /** @throws {RangeError} saying what is expected. */
  readonly parse: (value: string) => T
}

interface Fallback {
  /** What is parsed when neither is given; a function where it depends on the machine. */
  readonly fallback: string | (() => string)
  /** The fallback in words, where it is no constant. */
  readonly fallbackText?: string
}

const variable = <T, F extends Variable<T> & Partial<Fallback>>(definition: F & Variable<T>): F => definition

export const ANONYMOUS = ['all', 'rules'] as const
const TRANSPORTS = ['uws', 'node'] as const
export const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'bun'] as const
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** Every environment variable that Tidegate reads. */
export const VARIABLES = {
  redisUrl: variable({
    name: 'REDIS_URL',
    meaning:
      'Redis to use: `redis://`, `rediss://` or the path of a unix socket, with [certificates and rights](redis.md); `redis+sentinel://` for the master that [Sentinels](sentinel.md) name; `redis+cluster://` for the masters of a [cluster](cluster.md). Without it `tidegate start` runs a private one.',
    isSecret: true,
    parse: redisAddress,
  }),
  redisWaitSeconds: variable({
    name: 'TIDEGATE_REDIS_WAIT_SECONDS',
    meaning: 'How long a starting process waits for a Redis that is unreachable or loading its data, in seconds.',
    fallback: '10',
    parse: wholeNumber(1, 3_600),
  }),
  port: variable({
    name: 'TIDEGATE_PORT',
    flag: 'port',
    meaning: 'Port of the gateways for WebSocket, HTTP and the page; 0 picks a free one.',
    fallback: '8080',
    parse: wholeNumber(0, 65_535),
  }),
  host: variable({
    name: 'TIDEGATE_HOST',
    flag: 'host',
    meaning: 'Address to listen on; `0.0.0.0` is every interface.',
    fallback: '127.0.0.1',
    parse: text,
  }),
  origins: variable({
    name: 'TIDEGATE_ORIGINS',
    meaning:
      'Origins whose [pages](browsers.md) may use the gateway, separated by commas: `https://app.example.org`, or `https://*.example.org` for all hosts below. It is reached by these hosts too.',
    fallbackText: 'its own; on a loopback address, loopback names',
    parse: listOf(parseOriginPattern),
  }),
  hosts: variable({
    name: 'TIDEGATE_HOSTS',
    meaning:
      'Names that the gateway is [reached by](browsers.md), separated by commas: `events.example.org`, or `*.example.org` for all below. Addresses and loopback names need no entry.',
    fallbackText: 'the name in `TIDEGATE_HOST`; unless that is loopback, names without a dot',
    parse: listOf(parseHostPattern),
  }),
  adminPort: variable({
    name: 'TIDEGATE_ADMIN_PORT',
    meaning:
      'Port of a listener for operators: `/metrics`, `/v1/slow`, `/v1/status` and the details of `/readyz`, which the other port then does not have. Gateways of one `tidegate start` take this port and those after it; 0 picks free ones.',
    fallbackText: 'none: operators are answered at `TIDEGATE_PORT`',
    parse: wholeNumber(0, 65_535),
  }),
  adminHost: variable({
    name: 'TIDEGATE_ADMIN_HOST',
    meaning:
      'Address of the listeners for operators, those of `TIDEGATE_METRICS_PORT` too. They ask nobody who they are: whoever reaches them may read them.',
    fallback: '127.0.0.1',
    parse: text,
  }),
  metricsPort: variable({
    name: 'TIDEGATE_METRICS_PORT',
    flag: 'metrics-port',
    meaning:
      'Port at which a worker or `tidegate start` answers `/livez`, `/readyz` and [`/metrics`](metrics.md). Workers of one `tidegate start` take those after it; 0 picks free ones.',
    fallbackText: 'the first free one from 9464 on',
    parse: wholeNumber(0, 65_535),
  }),
  tlsCert: variable({
    name: 'TIDEGATE_TLS_CERT',
    meaning:
      'File with the certificate of the gateways and those between it and its authority, PEM. With it they speak HTTPS and WSS only. It is read again when it [changes](tls.md).',
    fallbackText: 'no TLS',
    parse: (value: string) => resolve(value),
  }),
  tlsKey: variable({
    name: 'TIDEGATE_TLS_KEY',
    meaning: 'File with the private key of `TIDEGATE_TLS_CERT`, PEM without a passphrase.',
    fallbackText: 'no TLS',
    parse: (value: string) => resolve(value),
  }),
  tlsClientCa: variable({
    name: 'TIDEGATE_TLS_CLIENT_CA',
    meaning: 'File with the authorities that client certificates must come from, PEM. Clients without one are refused.',
    fallbackText: 'clients need no certificate',
    parse: (value: string) => resolve(value),
  }),
  certificateName: variable({
    name: 'TIDEGATE_TLS_CLIENT_NAME',
    meaning:
      'What of a client certificate says [who a caller is](access.md#client-certificates): `cn`, or a `dns`, `uri` or `email` name among its alternative ones. Needs `TIDEGATE_TLS_CLIENT_CA`.',
    fallbackText: 'certificates let in, and say nothing of who it is',
    parse: oneOf(CERTIFICATE_NAMES),
  }),
  cookie: variable({
    name: 'TIDEGATE_COOKIE',
    meaning:
      'Name of a cookie that may hold a token, for pages of the origin of the gateway or of `TIDEGATE_ORIGINS`. Set it `HttpOnly`, `Secure` and `SameSite=Strict`.',
    fallbackText: 'cookies are not read',
    parse: cookieName,
  }),
  token: variable({
    name: 'TIDEGATE_TOKEN',
    meaning: 'Token or API key that `tidegate publish` shows to the gateway.',
    fallbackText: 'none is shown',
    isSecret: true,
    parse: text,
  }),
  jwtSecret: variable({
    name: 'TIDEGATE_JWT_SECRET',
    meaning: 'Shared secret of HS256 tokens, 32 bytes at least. With a way to check tokens, callers have to show one.',
    isSecret: true,
    parse: jwtSecret,
  }),
  jwtPublicKey: variable({
    name: 'TIDEGATE_JWT_PUBLIC_KEY',
    meaning: 'Public key that tokens are signed for, RSA, elliptic or Ed25519: PEM, or the path of such a file.',
    parse: publicKey,
  }),
  jwksUrl: variable({
    name: 'TIDEGATE_JWKS_URL',
    meaning: 'Address of the JSON Web Key Set of an identity provider: `https://`, or `http://` on this machine.',
    parse: keySetUrl,
  }),
  jwtIssuer: variable({
    name: 'TIDEGATE_JWT_ISSUER',
    meaning: '`iss` that tokens must have.',
    fallbackText: 'any',
    parse: text,
  }),
  jwtAudience: variable({
    name: 'TIDEGATE_JWT_AUDIENCE',
    meaning: '`aud` that tokens must have.',
    fallbackText: 'any',
    parse: text,
  }),
  jwtRightsClaim: variable({
    name: 'TIDEGATE_JWT_RIGHTS',
    meaning: 'Claim of a token that says what its owner may do, as a rule of the config does.',
    fallback: 'tidegate',
    parse: text,
  }),
  jwtToleranceSeconds: variable({
    name: 'TIDEGATE_JWT_TOLERANCE_SECONDS',
    meaning: 'How far the clocks of issuers may be off, in seconds.',
    fallback: '5',
    parse: wholeNumber(0, 300),
  }),
  anonymous: variable({
    name: 'TIDEGATE_ANONYMOUS',
    meaning:
      '`all`: nobody is asked who it is, and everybody may read and write everything; what operators see is shown to this machine alone. `rules`: callers without a token have what the `access` of the config gives them: [access](access.md).',
    fallbackText: '`all` on a loopback address without token settings and `access`, else `rules`',
    parse: oneOf(ANONYMOUS),
  }),
  transport: variable({
    name: 'TIDEGATE_TRANSPORT',
    meaning:
      'Transport of a gateway: `uws` is uWebSockets.js, `node` is node:http with ws, which runs everywhere and [costs more](transports.md).',
    fallbackText: '`uws` where it has a binary, else `node`',
    parse: oneOf(TRANSPORTS),
  }),
  dataFolder: variable({
    name: 'TIDEGATE_DATA',
    flag: 'data',
    meaning: 'Folder of the private Redis, relative to the working directory.',
    fallback: '.tidegate',
    parse: (value: string) => resolve(value),
  }),
  partitions: variable({
    name: 'TIDEGATE_PARTITIONS',
    meaning:
      'Number of partitions, as at the first start on a Redis or since `tidegate partitions grow`. At most this many workers can share the load.',
    fallback: '8',
    parse: wholeNumber(1, 1_024),
  }),
  node: variable({
    name: 'TIDEGATE_NODE',
    meaning: 'Name of the process in `welcome`, metrics and leases. Must be unique.',
    fallback: () => `${hostname()}-${process.pid}`,
    fallbackText: 'host name and process id',
    parse: text,
  }),
  windowBytes: variable({
    name: 'TIDEGATE_WINDOW_BYTES',
    meaning:
      'Bytes written to a client that may be unconfirmed, unless it names its own window. The high-water mark is three quarters of it; the rest is kept for high events.',
    fallback: '65536',
    parse: wholeNumber(LIMITS.minWindowBytes, LIMITS.maxWindowBytes),
  }),
  lowWaterPercent: variable({
    name: 'TIDEGATE_LOW_WATER_PERCENT',
    meaning: 'Low-water mark in percent of the window: writing to a congested session resumes below it.',
    fallback: '25',
    parse: wholeNumber(1, 70),
  }),
  queueMegabytes: variable({
    name: 'TIDEGATE_QUEUE_MB',
    meaning:
      'Memory for events that wait for slow clients, in MiB per gateway. Above it the largest queues are conflated, then dropped into gaps.',
    fallback: '128',
    parse: wholeNumber(1, 65_536),
  }),
  onSlow: variable({
    name: 'TIDEGATE_ON_SLOW',
    meaning:
      'Policies for slow clients that a subscription may ask for, separated by commas. The first one is the default.',
    fallback: ON_SLOW.join(','),
    parse: listOf(oneOf(ON_SLOW)),
  }),
  maxRate: variable({
    name: 'TIDEGATE_MAX_RATE',
    meaning: 'Most normal and low events per second and key that a subscription gets, whatever it asks for.',
    fallbackText: 'no limit',
    parse: number(LIMITS.minRate, LIMITS.maxRate),
  }),
  hungSeconds: variable({
    name: 'TIDEGATE_HUNG_SECONDS',
    meaning:
      'Seconds that the event loop of a gateway or worker may hang before `tidegate start` replaces the process.',
    fallback: '10',
    parse: wholeNumber(2, 3_600),
  }),
  breakerFailures: variable({
    name: 'TIDEGATE_BREAKER_FAILURES',
    meaning: 'Consecutive unanswered calls to Redis that open the breaker of their class.',
    fallback: '3',
    parse: wholeNumber(1, 1_000),
  }),
  breakerPercent: variable({
    name: 'TIDEGATE_BREAKER_PERCENT',
    meaning:
      'Share of unanswered calls to Redis, in percent over five seconds, that also opens the breaker of their class.',
    fallback: '50',
    parse: wholeNumber(1, 99),
  }),
  breakerResetMs: variable({
    name: 'TIDEGATE_BREAKER_RESET_MS',
    meaning:
      'How long an open breaker refuses before it lets one call through as a probe, in ms; up to a quarter more.',
    fallback: '400',
    parse: wholeNumber(10, 60_000),
  }),
  appendDeadlineMs: variable({
    name: 'TIDEGATE_APPEND_DEADLINE_MS',
    meaning: 'How long Redis may take to store a publish before it is rejected as `unavailable`, in ms.',
    fallback: '180',
    parse: wholeNumber(10, 10_000),
  }),
  ackReplicas: variable({
    name: 'TIDEGATE_ACK_REPLICAS',
    meaning:
      'Replicas of Redis that must have an event before it is acknowledged, and the commit of a command before it is answered. 0 acknowledges `stored` events, 1 and more `replicated` ones.',
    fallback: '0',
    parse: wholeNumber(0, 16),
  }),
  storagePercent: variable({
    name: 'TIDEGATE_STORAGE_PERCENT',
    meaning:
      'Share of the `maxmemory` of Redis, in percent, above which publishes are rejected as `storage_full`. The rest is for workers, which free memory.',
    fallback: '80',
    parse: wholeNumber(1, 100),
  }),
  partitionMegabytes: variable({
    name: 'TIDEGATE_PARTITION_MB',
    meaning:
      'MiB that the logs of one partition may take in Redis, measured by its owner every ten seconds. Above it publishes to the partition are rejected as `storage_full`.',
    fallbackText: 'no limit',
    parse: wholeNumber(1, 1_048_576),
  }),
  maxProducers: variable({
    name: 'TIDEGATE_PRODUCERS',
    meaning:
      'Producers and `Idempotency-Key`s that a partition remembers for 24 hours, about 160 bytes each, up to 2.5 KB for a client whose `hello` has no `sequence`. With more it remembers for a shorter time, at least 10 minutes; beyond that new ones are rejected as `storage_full`.',
    fallback: '100000',
    parse: wholeNumber(100, 100_000_000),
  }),
  maxLagMs: variable({
    name: 'TIDEGATE_MAX_LAG_MS',
    meaning:
      'Lag of the event loop, in ms, above which a gateway accepts no new clients. Above three times the limit it accepts no publishes and no returning clients either.',
    fallback: '250',
    parse: wholeNumber(10, 60_000),
  }),
  limits: variable({
    name: 'TIDEGATE_LIMITS',
    meaning:
      'Limits of addresses, callers and connections that shall not have their defaults, such as `address.frames=500,caller.keys=off`. [Limits](limits.md) has the names, and what happens above each.',
    fallback: '',
    fallbackText: 'the defaults of [limits](limits.md)',
    parse: parseLimits,
  }),
  trustedProxies: variable({
    name: 'TIDEGATE_TRUSTED_PROXIES',
    meaning:
      'Addresses of proxies in front of the gateway, such as `10.0.0.0/8,::1`. From them `X-Forwarded-For` or `Forwarded` is believed, from the right to the first address that is none of them.',
    fallbackText: 'none: no such header is believed',
    parse: parseTrustedProxies,
  }),
  readyPercent: variable({
    name: 'TIDEGATE_READY_PERCENT',
    meaning: 'Share of the partitions, in percent, that must work for `/readyz` to answer 200.',
    fallback: '50',
    parse: wholeNumber(1, 100),
  }),
  tracing: variable({
    name: 'TIDEGATE_TRACING',
    meaning:
      'File whose default export gives gateways and workers the API of OpenTelemetry: they record [traces](tracing.md) with it.',
    fallbackText: 'no traces are recorded',
    parse: (value: string) => resolve(value),
  }),
  logLevel: variable({
    name: 'TIDEGATE_LOG_LEVEL',
    meaning: `Least severe level that is logged: ${LOG_LEVELS.map((level) => `\`${level}\``).join(', ')}.`,
    fallback: 'info',
    parse: oneOf(LOG_LEVELS),
  }),
  cacheFolder: variable({
    name: 'TIDEGATE_CACHE',
    meaning: 'Where a Debian package of Redis is unpacked if none is installed.',
    fallback: () => join(homedir(), '.cache', 'tidegate'),
    fallbackText: '~/.cache/tidegate',
    parse: (value: string) => resolve(value),
  }),
  searchPath: variable({
    name: 'PATH',
    meaning: 'Folders in which `redis-server` and `valkey-server` are looked for.',
    fallback: '/usr/local/bin:/usr/bin:/bin',
    parse: (value: string): readonly string[] => value.split(delimiter).filter((folder) => folder !== ''),
  }),
  startedByNpm: variable({
    name: 'npm_lifecycle_event',
    meaning: 'Set by npm for its scripts. `tidegate start` then ends with npm, even if npm is killed.',
    fallback: '',
    fallbackText: 'unset',
    parse: (value: string) => value !== '',
  }),
  packageManager: variable({
    name: 'npm_config_user_agent',
    meaning: 'Set by npm, pnpm, Yarn and Bun for what they run. `tidegate init` installs with the one that runs it.',
    fallback: '',
    fallbackText: 'unset: npm',
    parse: (value: string) => PACKAGE_MANAGERS.find((name) => value.startsWith(`${name}/`)) ?? 'npm',
  }),
} as const

export type Settings = ReturnType<typeof readSettings>

type Flags = Readonly<Record<string, string | boolean | undefined>>
type Environment = Readonly<Record<string, string | undefined>>

/**
 * Settings of this process: an option wins over its variable, which wins over the default. An empty variable counts as
 * absent, as `docker compose` passes unset ones.
 *
 * @param flags options of the command line by name without dashes.
 * @throws {SettingsError} naming the option or variable and what it accepts.
 */
export function readSettings(flags: Flags = {}, environment: Environment = process.env) {
  const given = <T>({ name, flag, parse, isSecret }: Variable<T>): T | undefined => {
    const option = flag === undefined ? undefined : flags[flag]
    if (typeof option === 'string') return parsed(`--${flag}`, option, parse, isSecret)
    const value = environment[name]
    return value === undefined || value === '' ? undefined : parsed(name, value, parse, isSecret)
  }
  const setting = <T>(definition: Variable<T> & Fallback): T =>
    given(definition) ??
    definition.parse(typeof definition.fallback === 'function' ? definition.fallback() : definition.fallback)

  return Object.freeze({
    redisUrl: given(VARIABLES.redisUrl),
    redisWaitSeconds: setting(VARIABLES.redisWaitSeconds),
    port: setting(VARIABLES.port),
    host: setting(VARIABLES.host),
    adminPort: given(VARIABLES.adminPort),
    adminHost: setting(VARIABLES.adminHost),
    metricsPort: given(VARIABLES.metricsPort),
    tlsCert: given(VARIABLES.tlsCert),
    tlsKey: given(VARIABLES.tlsKey),
    tlsClientCa: given(VARIABLES.tlsClientCa),
    certificateName: given(VARIABLES.certificateName),
    cookie: given(VARIABLES.cookie),
    token: given(VARIABLES.token),
    jwtSecret: given(VARIABLES.jwtSecret),
    jwtPublicKey: given(VARIABLES.jwtPublicKey),
    jwksUrl: given(VARIABLES.jwksUrl),
    jwtIssuer: given(VARIABLES.jwtIssuer),
    jwtAudience: given(VARIABLES.jwtAudience),
    jwtRightsClaim: setting(VARIABLES.jwtRightsClaim),
    jwtToleranceSeconds: setting(VARIABLES.jwtToleranceSeconds),
    anonymous: given(VARIABLES.anonymous),
    origins: given(VARIABLES.origins) ?? [],
    hosts: given(VARIABLES.hosts) ?? [],
    transport: given(VARIABLES.transport),
    tracing: given(VARIABLES.tracing),
    dataFolder: setting(VARIABLES.dataFolder),
    partitions: setting(VARIABLES.partitions),
    node: setting(VARIABLES.node),
    windowBytes: setting(VARIABLES.windowBytes),
    lowWaterPercent: setting(VARIABLES.lowWaterPercent),
    queueMegabytes: setting(VARIABLES.queueMegabytes),
    onSlow: setting(VARIABLES.onSlow),
    maxRate: given(VARIABLES.maxRate),
    hungSeconds: setting(VARIABLES.hungSeconds),
    breakerFailures: setting(VARIABLES.breakerFailures),
    breakerPercent: setting(VARIABLES.breakerPercent),
    breakerResetMs: setting(VARIABLES.breakerResetMs),
    appendDeadlineMs: setting(VARIABLES.appendDeadlineMs),
    ackReplicas: setting(VARIABLES.ackReplicas),
    storagePercent: setting(VARIABLES.storagePercent),
    partitionMegabytes: given(VARIABLES.partitionMegabytes),
    maxProducers: setting(VARIABLES.maxProducers),
    maxLagMs: setting(VARIABLES.maxLagMs),
    limits: setting(VARIABLES.limits),
    trustedProxies: given(VARIABLES.trustedProxies),
    readyPercent: setting(VARIABLES.readyPercent),
    logLevel: setting(VARIABLES.logLevel),
    cacheFolder: setting(VARIABLES.cacheFolder),
    searchPath: setting(VARIABLES.searchPath),
    startedByNpm: setting(VARIABLES.startedByNpm),
    packageManager: setting(VARIABLES.packageManager),
  })
}

/** The environment for a child process: this one's, with the given variables changed, and others where none is set. */
export function childEnvironment(
  changes: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, string>> = {},
): Record<string, string | undefined> {
  return { ...defaults, ...process.env, ...changes }
}

function parsed<T>(source: string, value: string, parse: (value: string) => T, isSecret = false): T {
  try {
    return parse(value)
  } catch (cause) {
    throw new SettingsError(source, isSecret || value.includes('@') ? undefined : value, cause)
  }
}
