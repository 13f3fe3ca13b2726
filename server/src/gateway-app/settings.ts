import type { BlockList } from 'node:net'
import type { AccessSettings } from '../access/index.ts'
import type { BreakerLimits, GuardState } from '../bus/index.ts'
import type { DeliveryLimits } from '../delivery/index.ts'
import type { TransportName } from '../gateway/index.ts'
import type { LimitSettings } from '../limits/index.ts'
import type { Audit } from '../observability/audit.ts'
import type { Defect } from '../observability/defects.ts'
import type { TlsFiles } from '../tls.ts'
import type { Tracing } from '../tracing/index.ts'
import type { HostPattern, OriginPattern } from '../web-origin.ts'

export interface GatewaySettings {
  readonly redisUrl: string
  readonly partitions: number
  /** How long to wait for Redis at the start, ms. */
  readonly redisWaitMs?: number
  /** Called with one line for everything the operator should know. */
  readonly warn?: (line: string) => void
  readonly host: string
  readonly port: number
  /** Origins, besides the gateway's own, whose pages may use it. */
  readonly origins?: readonly OriginPattern[]
  /** Further names that the gateway is reached by. */
  readonly hosts?: readonly HostPattern[]
  /** Other gateways of this machine listen on the same port. */
  readonly sharedPort: boolean
  /** Where operators are answered; absent: at `port`, like everybody. */
  readonly operators?: { readonly host: string; readonly port: number } | undefined
  /** Certificate and key; absent: connections are not encrypted. */
  readonly tls?: TlsFiles | undefined
  /** Name of the cookie that may hold a token. */
  readonly cookie?: string | undefined
  /** What serves sockets and HTTP; absent for uWebSockets.js where its binary loads, else `node:http`. */
  readonly transport?: TransportName | undefined
  /** Name of this process in `welcome` and metrics. */
  readonly node: string
  readonly delivery: DeliveryLimits
  /** Who is let in; absent: everybody, and nobody is asked. */
  readonly access?: AccessSettings
  /** When breakers open, and for how long. */
  readonly breaker?: BreakerLimits
  /** Replicas that must have an event before it is acknowledged. */
  readonly ackReplicas?: number
  /** Used share of Redis' `maxmemory` from which on nothing is published. */
  readonly storageShare?: number
  /** Bytes that the logs of a partition may take; absent for no limit. */
  readonly maxPartitionBytes?: number | undefined
  /** Producers that a partition remembers in a generation. */
  readonly maxProducers?: number
  /** How long an append may take, ms. */
  readonly appendDeadlineMs?: number
  /** Event-loop lag above which new connections are refused, ms. */
  readonly maxLagMs?: number
  /** Minimum share of the partitions that must work for `/readyz` to be 200. */
  readonly readyShare?: number
  /** What addresses, callers and connections may use. */
  readonly limits?: LimitSettings
  /** Proxies of which headers are believed. */
  readonly trustedProxies?: BlockList | undefined
  /** Called once for every change of a breaker. */
  readonly onBreaker?: (state: GuardState) => void
  /** Gets a line for each failed authentication and denied operation; absent: none is written. */
  readonly audit?: Pick<Audit, 'note'>
  /** What records traces; absent: nothing does. */
  readonly tracing?: Tracing | undefined
  /** Called for every error that no code foresaw. MUST NOT throw. */
  readonly onDefect: (defect: Defect) => void
}
