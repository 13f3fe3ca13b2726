import type { Deployment, DeploymentOptions } from './deployment.ts'
import type { LoadOptions, SteadyLoad } from './steady-load.ts'
import type { Watcher, WatcherOptions } from './watcher.ts'

/** The tools of a scenario. */
export interface Stage {
  readonly deployment: Deployment
  /** Uniform numbers in [0, 1), by the seed. */
  readonly random: () => number
  readonly load: SteadyLoad
  /** Settings of the `slowSubscribers`. */
  readonly slow: readonly Watcher[]
  /** Continues beside the recovery; it is awaited before the account is made. */
  readonly beside: Promise<unknown>[]
  /** MUST be called when the harm is done: times are counted from here. @param hit partitions that it stops; absent: it is not known */
  begin(hit?: readonly number[]): void
  /** The partitions that were hit can be served again. Absent calls: when the cause is over. */
  served(): void
}

/** Something that happens to a deployment under load, and what it may at most bring about. */
export interface Scenario {
  readonly name: string
  /** One line for `--list`. */
  readonly about: string
  readonly deployment: DeploymentOptions
  readonly load?: LoadOptions
  /** Whether publishes over HTTP have to be refused meanwhile, may be, or must not. */
  readonly publishing: 'fails' | 'may fail' | 'continues'
  /** Whether every gateway has to stop being ready meanwhile. */
  readonly readiness: 'turns red' | 'may turn red' | 'stays green'
  /** Redis may lose what it had acknowledged: docs/guarantees.md. */
  readonly mayLose?: true
  /** More is published meanwhile than an outbox holds: publishers get `outbox_full`. */
  readonly mayFillOutbox?: true
  /** More subscribers, beside the two that keep up. */
  readonly slowSubscribers?: readonly Omit<WatcherOptions, 'url'>[]
  /** Limit of `firstFailureMs`, where trouble is not noticed by the next call. */
  readonly isNoticedInMs?: number
  /** Limit of `recoveredMs`, where clients find no gateway for so long that they retry less often. */
  readonly recoversInMs?: number
  /** Other partitions than those that are hit are interrupted for no more than `LIMITS.sparedMs`. */
  readonly spares?: true
  /** A newer config brings results, which stay or go away again. */
  readonly rollout?: 'stays' | 'is taken back'
  /** Why it cannot be run here, if so. */
  readonly impossible?: () => string | undefined
  /** Does the harm, and resolves when its cause is over: from then on time to recovery is counted. */
  disturb(stage: Stage): Promise<void>
}
