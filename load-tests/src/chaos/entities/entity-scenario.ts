import type { Redis } from '../../../../server/src/bus/redis/connection.ts'
import type { Deployment, DeploymentOptions } from '../deployment.ts'
import type { CommandLoad } from './command-load.ts'

/** The tools of a scenario. */
export interface EntityStage {
  readonly deployment: Deployment
  /** For the test itself: past the proxy. */
  readonly redis: Redis
  readonly load: CommandLoad
  readonly random: () => number
  /** Continues beside the recovery; it is awaited before the account is made. */
  readonly beside: Promise<unknown>[]
}

/** Something that happens to a deployment whose clients send commands. */
export interface EntityScenario {
  readonly name: string
  /** One line for `--list`. */
  readonly about: string
  readonly deployment: DeploymentOptions
  /** Redis may lose what it had answered: docs/guarantees.md. */
  readonly mayLose?: true
  /** Limit of `slowestMs`. */
  readonly answersInMs: number
  /**
   * Does the harm, and resolves when its cause is over: from then on commands have to be answered.
   *
   * @returns how many commits or commands it met @throws when it met none: then it has proved nothing
   */
  disturb(stage: EntityStage): Promise<number>
}
