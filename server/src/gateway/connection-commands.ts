import { type ClientFrame, COMMAND_CODES, LIMITS, readTraceContext } from '@tidegate/protocol'
import type { Caller } from '../access/index.ts'
import type { Clock } from '../clock.ts'
import {
  type CommandRefusal,
  type Commands,
  type LoggedAnswer,
  type Outcome,
  outOfOrder,
  refuse,
} from '../commands/index.ts'
import { parseVersion } from '../entities/index.ts'
import { RefusalDebt } from './refusal-debt.ts'

/** Advised wait of a client with too many unanswered commands: an answer or two comes in that time. */
const WINDOW_RETRY_MS = 20
/** Of commands that nobody had room for: to send more of them at once does not help. */
const NO_ROOM: ReadonlySet<string> = new Set(['overloaded', 'command_window'])

type Answer = (id: string, outcome: Outcome, logged?: LoggedAnswer) => void

/** The commands of one connection: as many as may be unanswered, none ahead of one that it names, and none sooner than advised. */
export class ConnectionCommands {
  readonly #commands: Pick<Commands, 'send' | 'epochOf'>
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #answer: Answer
  readonly #debt = new RefusalDebt()
  #unanswered = 0
  /** Of what is unanswered: id -> the epoch under which it is to be stored. */
  readonly #epochs = new Map<string, string | undefined>()
  /**
   * The last that are to be sent again, oldest first. Whoever names one did not know, and had it among those unanswered: more are
   * not needed.
   */
  readonly #refused = new Set<string>()

  /** @param answer is called once for each command taken or refused. MUST NOT throw. */
  constructor(commands: Pick<Commands, 'send' | 'epochOf'>, clock: Pick<Clock, 'monotonic'>, answer: Answer) {
    this.#commands = commands
    this.#clock = clock
    this.#answer = answer
  }

  /** How long until another frame is to be read, ms: 0 but for a client that does not wait as it is advised. */
  waitMs(): number {
    return this.#debt.waitMs(this.#clock.monotonic())
  }

  take(frame: Extract<ClientFrame, { type: 'command' }>, caller: Caller): void {
    const { id, entity, key, command, input, after, deadlineMs, ageMs } = frame
    this.#refused.delete(id)
    const overtakes = after === undefined ? undefined : () => this.#refused.has(after)
    if (overtakes?.() === true) return this.refuse(id, outOfOrder())
    if (this.#unanswered >= LIMITS.commands) {
      return this.refuse(id, refuse('command_window', COMMAND_CODES.command_window, WINDOW_RETRY_MS))
    }
    this.#unanswered++
    const expected = parseVersion(frame.expectedVersion)
    // Its predecessor may be lost while it waits to be stored. One behind another shares its fate.
    const before = after === undefined ? undefined : this.#epochs.get(after)
    const epoch = before ?? frame.epoch ?? this.#commands.epochOf(entity, key)
    this.#epochs.set(id, epoch)
    const trace = readTraceContext(frame.traceparent, frame.tracestate)
    const order = { expected, epoch, overtakes, deadlineMs, ageMs, trace }
    this.#commands.send({ id, entity, key, command, input, caller, ...order }, (outcome, logged) => {
      this.#unanswered--
      this.#epochs.delete(id)
      this.#settle(id, outcome, logged)
    })
  }

  /** Answers a command that is not taken. */
  refuse(id: string, refusal: CommandRefusal): void {
    this.#settle(id, refusal)
  }

  #settle(id: string, outcome: Outcome, logged?: LoggedAnswer): void {
    if (outcome.status === 'rejected' && outcome.retryAfterMs !== undefined) {
      this.#note(id)
      if (NO_ROOM.has(outcome.code)) this.#debt.refused(outcome.retryAfterMs, this.#clock.monotonic())
    }
    this.#answer(id, outcome, logged)
  }

  #note(id: string): void {
    this.#refused.delete(id)
    this.#refused.add(id)
    if (this.#refused.size > LIMITS.commands) this.#refused.delete(this.#refused.values().next().value!)
  }
}
