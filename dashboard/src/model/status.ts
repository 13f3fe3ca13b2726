import type { StatusAnswer } from '../../../server/src/gateway/index.ts'

export type { StatusAnswer }
export type Breaker = StatusAnswer['workers'][number]['breakers'][number]
/** What the page uses of a latency. */
export type Latency = Pick<ReportedLatency, 'p50Ms' | 'p99Ms'>
type ReportedLatency = NonNullable<NonNullable<StatusAnswer['gateways'][number]['latency']>['publishToStore']>

/** What the page knows of the deployment. */
export type Operations =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'shown'; readonly status: StatusAnswer }
  /** The caller may not see it, or this address does not have it. */
  | { readonly kind: 'withheld'; readonly why: 'right' | 'elsewhere' }

/** From this lag on a partition is behind, as `tidegate doctor` reports it. */
const LAG_ALERT_MS = 10_000

export function isBehind(lagMs: number | null): boolean {
  return (lagMs ?? 0) > LAG_ALERT_MS
}

/** Those that hold calls back, at least for a while. */
export function openBreakers(breakers: readonly Breaker[]): readonly Breaker[] {
  return breakers.filter(({ state }) => state !== 'closed')
}

/** The worst gateway's, ms; `undefined` where none has measured any lately. */
export function worstP99({ gateways }: StatusAnswer, of: 'publishToStore' | 'storeToSocket'): number | undefined {
  const measured = gateways.flatMap(({ latency }) => latency?.[of]?.p99Ms ?? [])
  return measured.length === 0 ? undefined : Math.max(...measured)
}
