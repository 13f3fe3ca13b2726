/** How a scenario with commands ended. */
export interface EntityResult {
  readonly scenario: string
  readonly seed: number
  readonly commands: number
  readonly done: number
  /** By their entity. */
  readonly rejected: number
  /** Events in all trails together. */
  readonly events: number
  /** That followed from events, in whatever partition: each happened once, and its source has its outcome once. */
  readonly reactions: number
  /** Commits or commands that the disturbance met. */
  readonly hits: number
  /** Commands that were sent before its cause was over and answered afterwards. */
  readonly waited: number
  /** Longest time to an outcome, from the end of the cause or from the call where that is later, ms. */
  readonly slowestMs: number
  /** Commands that got another outcome when they were sent again, because Redis had lost the first. */
  readonly lostWithinGuarantee: number
  readonly seconds: number
  /** What is lost, doubled or out of order, in words. */
  readonly faults: readonly string[]
  /** Limits that were missed. */
  readonly missed: readonly string[]
  readonly ok: boolean
}

export const ENTITY_COLUMNS = [
  'scenario',
  'commands',
  'done',
  'rejected',
  'events',
  'reactions',
  'hits',
  'waited',
  'slowestMs',
  'lostWithinGuarantee',
  'ok',
] as const satisfies readonly (keyof EntityResult)[]
