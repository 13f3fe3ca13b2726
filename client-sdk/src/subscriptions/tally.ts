import type { SubscriptionLedger } from '@tidegate/protocol'

export const FATES = ['delivered', 'conflated', 'sampled', 'gapped'] as const

/** Fates of events of a subscription that the server has told on the present connection. */
export type Tally = Pick<{ -readonly [Count in keyof SubscriptionLedger]: number }, (typeof FATES)[number]>

export function noTally(): Tally {
  return { delivered: 0, conflated: 0, sampled: 0, gapped: 0 }
}
