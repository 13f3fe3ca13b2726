import { ERROR_CODES, type ErrorCode } from '@tidegate/protocol'
import { type LimitName, QUANTITIES, type Quantity, type Scope } from './limit-table.ts'

/** Something was over a limit. */
export interface Refusal {
  readonly limit: LimitName
  readonly code: Extract<ErrorCode, 'rate_limited' | 'overloaded' | 'too_many_subscriptions'>
  readonly message: string
  /** Absent where waiting does not help: the client itself has to give something up. */
  readonly retryAfterMs: number | undefined
}

/** Longest advised wait: an hour's limit may be raised meanwhile, or count for another client. */
const MAX_RETRY_MS = 60_000

export function refusal(scope: Scope, quantity: Quantity, retryAfterMs: number): Refusal {
  const limit: LimitName = `${scope}.${quantity}`
  const code = codeOf(scope, quantity)
  return {
    limit,
    code,
    message: `${ERROR_CODES[code]} The limit is ${limit}.`,
    retryAfterMs: code === 'too_many_subscriptions' ? undefined : Math.min(MAX_RETRY_MS, Math.ceil(retryAfterMs)),
  }
}

function codeOf(scope: Scope, quantity: Quantity): Refusal['code'] {
  if (scope === 'gateway') return 'overloaded'
  const isForClientToFree = scope === 'connection' && quantity !== 'queries' && QUANTITIES[quantity].by === 'held'
  return isForClientToFree ? 'too_many_subscriptions' : 'rate_limited'
}
