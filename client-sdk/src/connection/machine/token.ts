import { LONGEST_TIMER_MS } from '../../longest-timer.ts'
import { arm, type Effect } from './effect.ts'
import type { Memory } from './state.ts'
import type { TokenReason } from './token-state.ts'
import type { Surroundings } from './transition.ts'

/** The end of a life, in which another token is asked for: long enough for a slow answer and another attempt. */
const RENEWAL_SHARE = 0.25
const RENEWAL_CAP_MS = 30_000
/** Clients that were greeted together do not ask together. */
const RENEWAL_SPREAD = 0.5
/** A function that gives the same token again and again is asked once a second while that expires. */
const RENEWAL_MIN_MS = 1_000

export interface TokenStep {
  readonly memory: Memory
  readonly effects: readonly Effect[]
}

/** Why a token is to be asked for before the next connection, if it is. */
export function missingToken({ token }: Memory, now: number): TokenReason | undefined {
  switch (token.kind) {
    case 'fixed':
      return undefined
    case 'needed':
      return token.reason
    case 'held':
      return now < token.renewAt ? undefined : 'expiring'
  }
}

export function askToken(memory: Memory, reason: TokenReason): TokenStep {
  const attempt = memory.asks + 1
  return {
    memory: { ...memory, asks: attempt, token: { kind: 'needed', reason } },
    effects: [{ kind: 'ask', reason, attempt }],
  }
}

/** A gateway took the token, and says how long it counts: for ever if it says nothing. */
export function tokenTaken(memory: Memory, expiresInMs: number | undefined, { now, random }: Surroundings): TokenStep {
  if (memory.token.kind === 'fixed') return { memory, effects: [] }
  const lifeMs = expiresInMs ?? Number.POSITIVE_INFINITY
  const marginMs = Math.min(RENEWAL_CAP_MS, RENEWAL_SHARE * lifeMs) * (1 + RENEWAL_SPREAD * random)
  // Another token too early does no harm.
  const renewInMs = Math.min(LONGEST_TIMER_MS, Math.max(RENEWAL_MIN_MS, lifeMs - marginMs))
  return {
    memory: { ...memory, asks: 0, token: { kind: 'held', renewAt: now + renewInMs } },
    effects: [arm('renew', renewInMs)],
  }
}

/** A gateway refused the token. */
export function tokenRefused(memory: Memory): Memory {
  return memory.token.kind === 'fixed' ? memory : { ...memory, token: { kind: 'needed', reason: 'refused' } }
}
