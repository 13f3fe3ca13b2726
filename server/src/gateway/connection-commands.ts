import { type ClientFrame, COMMAND_CODES, LIMITS } from '@tidegate/protocol'
import type { Caller } from '../access/index.ts'
import { type Commands, refuse } from '../commands/index.ts'
import { type CommandOutcome, parseVersion } from '../entities/index.ts'

/** Advised wait of a client with too many unanswered commands: an answer or two comes in that time. */
const WINDOW_RETRY_MS = 20

/** The commands of one connection: as many as may be unanswered. */
export class ConnectionCommands {
  readonly #commands: Pick<Commands, 'send' | 'epochOf'>
  readonly #answer: (id: string, outcome: CommandOutcome, position?: string) => void
  #unanswered = 0

  /** @param answer is called once for each command taken. MUST NOT throw. */
  constructor(
    commands: Pick<Commands, 'send' | 'epochOf'>,
    answer: (id: string, outcome: CommandOutcome, position?: string) => void,
  ) {
    this.#commands = commands
    this.#answer = answer
  }

  take({ expectedVersion, ...request }: Extract<ClientFrame, { type: 'command' }>, caller: Caller): void {
    const { id } = request
    if (this.#unanswered >= LIMITS.commands) {
      return this.#answer(id, refuse('command_window', COMMAND_CODES.command_window, WINDOW_RETRY_MS))
    }
    this.#unanswered++
    const expected = parseVersion(expectedVersion)
    // What it is to run behind may be lost while it waits to be stored.
    const { epoch = this.#commands.epochOf(request.entity, request.key) } = request
    this.#commands.send({ ...request, caller, expected, epoch }, (outcome, position) => {
      this.#unanswered--
      this.#answer(id, outcome, position)
    })
  }
}
