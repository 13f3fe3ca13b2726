/** The answer of `GET /v1/status`, as far as the page uses it. */
export interface DeploymentStatus {
  /** When it was read, ms since 1970. */
  readonly at: number
  /** Why it is of an earlier moment. */
  readonly fault?: string
  readonly gateways: readonly GatewayStatus[]
  readonly workers: readonly WorkerStatus[]
  readonly partitions: readonly PartitionStatus[]
  readonly windows: readonly WindowDelay[]
  readonly stored: Stored
  readonly redis: { readonly usedBytes: number; readonly maxBytes: number } | null
  readonly findings: readonly Finding[]
}

interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly what: string
  readonly todo: string
}

/** Events stored by all processes. */
export interface Stored {
  readonly stepMs: number
  readonly until: number
  readonly topics: readonly { readonly topic: string; readonly total: number; readonly recent: readonly number[] }[]
}

export interface Breaker {
  readonly class: string
  readonly state: 'closed' | 'half_open' | 'open'
}

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface GatewayStatus {
  readonly gateway: string
  readonly url: string
  readonly version: string
  readonly ready: boolean
  readonly red: readonly string[]
  readonly draining: boolean
  readonly sessions: number
  readonly subscriptions: number
  readonly queueBytes: number
  readonly congestedSessions: number
  readonly breakers: readonly Breaker[]
  readonly slow: readonly SlowClient[]
  readonly latency?: { readonly publishToStore: Latency | null; readonly storeToSocket: Latency | null }
}

export interface SlowClient {
  readonly session: string
  readonly topics: readonly string[]
  readonly reason: 'credit' | 'socket' | null
  readonly congestedMs: number
  readonly queuedBytes: number
  readonly queuedEvents: number
}

export interface WorkerStatus {
  readonly worker: string
  readonly partitions: readonly number[]
  readonly breakers: readonly Breaker[]
  /** Since its start. */
  readonly folded: { readonly events: number; readonly late: number; readonly deadLetters: number }
  readonly slowestCommitMs: number
}

export interface PartitionStatus {
  readonly partition: number
  readonly owner: string | null
  readonly isOwned: boolean
  readonly lagMs: number | null
  readonly lagEntries: number | null
  readonly openStates: number
  readonly stateBytes: number
}

interface WindowDelay {
  readonly window: string
  readonly delayMs: number
  readonly partition: number
}

/** What the page knows of the deployment. */
export type Operations =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'shown'; readonly status: DeploymentStatus }
  /** The caller may not see it, or this address does not have it. */
  | { readonly kind: 'withheld'; readonly why: 'right' | 'elsewhere' }

const BREAKER_ORDER: readonly Breaker['state'][] = ['closed', 'half_open', 'open']

/** Breakers that are not closed, of all processes. */
export function openBreakers({ gateways, workers }: DeploymentStatus): number {
  const all = [...gateways, ...workers].flatMap(({ breakers }) => breakers)
  return all.filter(({ state }) => BREAKER_ORDER.indexOf(state) > 0).length
}

/** The worst gateway's, ms; `undefined` where none has measured any lately. */
export function worstP99({ gateways }: DeploymentStatus, of: 'publishToStore' | 'storeToSocket'): number | undefined {
  const measured = gateways.flatMap(({ latency }) => latency?.[of]?.p99Ms ?? [])
  return measured.length === 0 ? undefined : Math.max(...measured)
}
