import type { Fates } from './fates.ts'

/** How a scenario ended. Times in ms; `null` when it did not come to that. */
export interface Result {
  readonly scenario: string
  readonly seed: number
  /** Events given to the SDK. */
  readonly published: number
  readonly acked: number
  /** Fates of the acknowledged: `fates.ts`. */
  readonly delivered: number
  readonly conflated: number
  readonly gapped: number
  readonly gaps: Fates['gaps']
  readonly lost: number
  readonly duplicated: number
  readonly lostWithinGuarantee: number
  readonly redelivered: number
  /** Events whose publish the SDK rejected, by code. */
  readonly rejected: Readonly<Record<string, number>>
  /** From the disturbance until its cause is over. */
  readonly causeMs: number
  /** From the disturbance to the first refused publish, or to the first client that learns of it. */
  readonly firstFailureMs: number | null
  /** How long a refusal takes once the breaker is open, median. */
  readonly openFailureMs: number | null
  /** From the disturbance until no gateway is ready any more. */
  readonly readyRedMs: number | null
  /**
   * From the end of its cause until events published after it flow in every topic and partition to every subscriber.
   */
  readonly recoveredMs: number | null
  /** From the end of its cause until every gateway is ready. */
  readonly readyGreenMs: number | null
  /** The longest time, from the disturbance on, in which no gateway accepted a publish over HTTP. */
  readonly quietMs: number
  /** The longest way of an event to a subscriber, in the partitions that were not hit; `null` where all may be. */
  readonly sparedMs: number | null
  /** From the moment at which those that were hit could be served again until events published after it come out of all of them. */
  readonly hitMs: number | null
  /** Largest growth of a gateway or worker. */
  readonly grownMb: number
  readonly seconds: number
  /** Events whose fate is not accounted for, in words. */
  readonly faults: readonly string[]
  /** Limits of time and memory that were missed. */
  readonly missed: readonly string[]
  readonly ok: boolean
}

export const LIMITS = {
  firstFailureMs: 250,
  openFailureMs: 5,
  readyRedMs: 2_000,
  recoveredMs: 3_000,
  /** In a rollout: one gateway stops, the other one serves. */
  quietMs: 1_000,
  sparedMs: 250,
  hitMs: 3_000,
  /** Waiting events of slow clients may take 128 MiB of a gateway; half as much again for garbage. */
  grownMb: 192,
} as const

export const COLUMNS = [
  'scenario',
  'published',
  'acked',
  'delivered',
  'conflated',
  'gaps',
  'lost',
  'duplicated',
  'lostWithinGuarantee',
  'rejected',
  'causeMs',
  'firstFailureMs',
  'openFailureMs',
  'readyRedMs',
  'recoveredMs',
  'readyGreenMs',
  'quietMs',
  'sparedMs',
  'hitMs',
  'grownMb',
  'ok',
] as const satisfies readonly (keyof Result)[]
