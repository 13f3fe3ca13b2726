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

const BREAKER_ORDER: readonly Breaker['state'][] = ['closed', 'half_open', 'open']

/** Breakers that are not closed, of all processes. */
export function openBreakers({ gateways, workers }: StatusAnswer): number {
  const all = [...gateways, ...workers].flatMap(({ breakers }) => breakers)
  return all.filter(({ state }) => BREAKER_ORDER.indexOf(state) > 0).length
}

/** The worst gateway's, ms; `undefined` where none has measured any lately. */
export function worstP99({ gateways }: StatusAnswer, of: 'publishToStore' | 'storeToSocket'): number | undefined {
  const measured = gateways.flatMap(({ latency }) => latency?.[of]?.p99Ms ?? [])
  return measured.length === 0 ? undefined : Math.max(...measured)
}
