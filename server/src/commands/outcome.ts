import type { CommandOutcome } from '../entities/index.ts'
import type { CommandRefusal } from './command-request.ts'

/** That a command was done, as the log of answers has it: mostly it leaves as it is, and nobody looks into it. */
export class LoggedDone {
  readonly status = 'done'
  readonly json: string

  /** @param json of the outcome */
  constructor(json: string) {
    this.json = json
  }
}

/** What is told of a command. */
export type Outcome = CommandRefusal | Extract<CommandOutcome, { status: 'done' }> | LoggedDone

/** As the log of answers has it. */
export function loggedOutcome(json: string): Outcome {
  return json.startsWith(DONE) ? new LoggedDone(json) : (JSON.parse(json) as CommandOutcome)
}

export function readOutcome(outcome: Outcome): CommandOutcome {
  return outcome instanceof LoggedDone ? (JSON.parse(outcome.json) as CommandOutcome) : outcome
}

const DONE = '{"status":"done"'
