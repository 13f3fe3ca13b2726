import { COMMAND_CODES, ERROR_CODES } from '@tidegate/protocol'
import type { Limits } from '../limits/index.ts'
import { AdvisedWait } from './advised-wait.ts'
import { type CommandRefusal, refuse } from './command-request.ts'
import type { Outcome } from './outcome.ts'

/** Commands of one entity without an outcome: an owner that lags is not given more of what it lags with. */
export const MAX_PENDING_PER_KEY = 64
/** Commands of this gateway without an outcome, and waits for one: more than an owner answers in 0.3 s. */
export const MAX_PENDING = 16_384
/** What is kept of each, besides texts: measured with one wait, over a connection. */
const RECORD_BYTES = 1_536
/** Of a character of its id and key: each is kept twice, in two bytes where it is not of Latin-1. */
const NAME_CHAR_BYTES = 4
/** Of its input: as the event that is about to be stored. */
const INPUT_CHAR_BYTES = 2
/** Advised wait when there are too many: some of them are answered in that time. */
const FULL_RETRY_MS = 250
/** Advised wait after a deadline: by then the command may have its outcome. */
const DEADLINE_RETRY_MS = 1_000
/** Time between looks for waits at their deadline: one passes over all that are pending. */
const LEAST_LOOK_MS = 10

/** An outcome that the log of answers has. */
export interface LoggedAnswer {
  /** Where it has it. */
  readonly position: string
  /** How it has it; absent where another outcome is told in its place. */
  readonly json?: string
}

/** Takes the outcome once. @param logged there if it is of the log of answers */
export type Settle = (outcome: Outcome, logged?: LoggedAnswer) => void

export interface Wait {
  readonly partition: number
  readonly id: string
  readonly checksum: string
  readonly entity: string
  readonly key: string
  /** Of the input, which is kept until it is stored. */
  readonly inputChars: number
  readonly deadlineMs: number
  readonly settle: Settle
}

/** `first`: the command is to be stored. `joined`: it was stored before, and the wait ends with its outcome. */
export type Entered = { readonly as: 'first' | 'joined' } | { readonly as: 'refused'; readonly refusal: CommandRefusal }

interface Pending {
  readonly checksum: string
  readonly entity: string
  readonly key: string
  readonly subject: PendingSubject
  /** What it holds of the memory for commands. */
  bytes: number
  /** The part of it that is free once it is stored. */
  inputBytes: number
  /** Epoch under which it was stored; `undefined` until that is known. */
  epoch: string | undefined
  /** Of the monotonic clock: by then its owner does not run it any more. */
  readonly endsAt: number
  waits: readonly Waiting[]
}

interface Waiting {
  readonly settle: Settle
  /** Of the monotonic clock. */
  readonly deadlineAt: number
}

/** An entity with commands that have no outcome. */
interface PendingSubject {
  readonly name: string
  count: number
  /** Under which the last of them was stored; `undefined` while none is. */
  epoch: string | undefined
}

/** A command that is without an outcome as far as this gateway knows. */
export interface Unanswered {
  readonly id: string
  readonly entity: string
  readonly key: string
  readonly checksum: string
  readonly epoch: string | undefined
}

type CommandMemory = Pick<Limits, 'hold' | 'release'>

/**
 * Commands that this gateway has stored and that have no outcome yet, and who waits for it. One stays after the last wait has
 * reached its deadline, so that its bounds hold and a retry joins it.
 */
export class PendingCommands {
  readonly #partitions: readonly Map<string, Pending>[]
  readonly #monotonic: () => number
  readonly #limits: CommandMemory | undefined
  readonly #advised: AdvisedWait
  readonly #bySubject = new Map<string, PendingSubject>()
  #size = 0
  #waiting = 0
  /** One for all waits: a timer of its own would cost a command as much as to remember it. */
  #look: NodeJS.Timeout | undefined
  /** No wait reaches its deadline before. */
  #lookAt = Number.POSITIVE_INFINITY

  /**
   * @param limits absent: the commands are those of one process that ends with them
   * @param advised what else advises senders to wait has the same
   */
  constructor(
    partitions: number,
    monotonic: () => number,
    limits?: CommandMemory,
    advised = new AdvisedWait(monotonic),
  ) {
    this.#limits = limits
    this.#advised = advised
    this.#partitions = Array.from({ length: partitions }, () => new Map())
    this.#monotonic = monotonic
  }

  /** Commands without an outcome. */
  get size(): number {
    return this.#size
  }

  /** Waits that are not over. */
  get waiting(): number {
    return this.#waiting
  }

  has(partition: number, id: string): boolean {
    return this.#partitions[partition]!.has(id)
  }

  /** Whether one of this entity is pending under the id. */
  hasOf(partition: number, id: string, entity: string, key: string): boolean {
    const there = this.#partitions[partition]!.get(id)
    return there !== undefined && there.entity === entity && there.key === key
  }

  /** @param keepMs how long the command counts as pending without an outcome */
  enter(wait: Wait, keepMs: number): Entered {
    const { partition, id, checksum, entity, key, inputChars } = wait
    const there = this.#partitions[partition]!.get(id)
    if (there !== undefined && there.checksum !== checksum) return refused(refuse('conflict', COMMAND_CODES.conflict))
    const full = there === undefined ? this.whyFull(entity, key) : this.#whyAllFull()
    if (full !== undefined) return refused(full)
    if (there !== undefined) {
      this.#wait(there, wait)
      return { as: 'joined' }
    }
    const name = subjectName(entity, key)
    const subject = this.#bySubject.get(name) ?? { name, count: 0, epoch: undefined }
    const inputBytes = INPUT_CHAR_BYTES * inputChars
    const bytes = RECORD_BYTES + NAME_CHAR_BYTES * (id.length + key.length) + inputBytes
    if (this.#limits?.hold('commandBytes', bytes) !== undefined) return refused(this.#tooMany('this gateway'))
    if (++subject.count === 1) this.#bySubject.set(name, subject)
    const endsAt = this.#monotonic() + keepMs
    const held = { bytes, inputBytes }
    const pending: Pending = { checksum, entity, key, subject, ...held, epoch: undefined, endsAt, waits: [] }
    this.#partitions[partition]!.set(id, pending)
    this.#size++
    this.#wait(pending, wait)
    return { as: 'first' }
  }

  /** Why another command of an entity has no room, whatever it is. */
  whyFull(entity: string, key: string): CommandRefusal | undefined {
    const full = this.#whyAllFull()
    if (full !== undefined) return full
    const count = this.#bySubject.get(subjectName(entity, key))?.count ?? 0
    return count >= MAX_PENDING_PER_KEY ? this.#tooMany('this entity') : undefined
  }

  /** The log of commands has it, under an epoch. */
  stored(partition: number, id: string, epoch: string): void {
    const pending = this.#partitions[partition]!.get(id)
    if (pending === undefined) return
    pending.epoch = epoch
    pending.subject.epoch = epoch
    this.#limits?.release('commandBytes', pending.inputBytes)
    pending.bytes -= pending.inputBytes
    pending.inputBytes = 0
  }

  /** The epoch under which a command of the entity was stored that has no outcome yet. */
  epochOf(entity: string, key: string): string | undefined {
    return this.#bySubject.get(subjectName(entity, key))?.epoch
  }

  /** Ends every wait for a command. Nothing happens where there is none. */
  settle(partition: number, id: string, outcome: Outcome, logged?: LoggedAnswer): void {
    const pending = this.#partitions[partition]!.get(id)
    if (pending === undefined) return
    this.#remove(partition, id, pending)
    for (const { settle } of pending.waits) {
      this.#waiting--
      settle(outcome, logged)
    }
  }

  /** The same for one that was looked up: meanwhile its id may have become that of another command. */
  settleFound(partition: number, { id, checksum }: Unanswered, outcome: Outcome, logged?: LoggedAnswer): void {
    if (this.#partitions[partition]!.get(id)?.checksum === checksum) this.settle(partition, id, outcome, logged)
  }

  unanswered(partition: number): Unanswered[] {
    return [...this.#partitions[partition]!].map(([id, { entity, key, checksum, epoch }]) => ({
      id,
      entity,
      key,
      checksum,
      epoch,
    }))
  }

  /** Forgets what nobody will answer any more. To be called about once a second. */
  expire(): void {
    const now = this.#monotonic()
    for (const [partition, commands] of this.#partitions.entries()) {
      for (const [id, { endsAt }] of commands) if (endsAt <= now) this.settle(partition, id, deadlineExceeded())
    }
  }

  /** Ends every wait. */
  close(): void {
    for (const [partition, commands] of this.#partitions.entries()) {
      for (const id of commands.keys()) this.settle(partition, id, deadlineExceeded())
    }
    clearTimeout(this.#look)
  }

  #whyAllFull(): CommandRefusal | undefined {
    return Math.max(this.#size, this.#waiting) >= MAX_PENDING ? this.#tooMany('this gateway') : undefined
  }

  #tooMany(whose: string): CommandRefusal {
    const message = `Too many commands of ${whose} have no outcome yet. ${ERROR_CODES.overloaded}`
    return refuse('overloaded', message, this.#advised.next(FULL_RETRY_MS))
  }

  #wait(pending: Pending, { settle, deadlineMs }: Wait): void {
    const deadlineAt = this.#monotonic() + deadlineMs
    const waiting = { settle, deadlineAt }
    pending.waits = pending.waits.length === 0 ? [waiting] : [...pending.waits, waiting]
    this.#waiting++
    if (deadlineAt < this.#lookAt) this.#lookAgain(deadlineAt)
  }

  #lookAgain(at: number): void {
    clearTimeout(this.#look)
    this.#lookAt = at
    if (at !== Number.POSITIVE_INFINITY) this.#look = setTimeout(() => this.#endWaits(), at - this.#monotonic())
  }

  /** Ends the waits that have reached their deadline. */
  #endWaits(): void {
    const now = this.#monotonic()
    let nextAt = Number.POSITIVE_INFINITY
    const over: Waiting[] = []
    for (const commands of this.#partitions) {
      for (const pending of commands.values()) {
        const isOver = ({ deadlineAt }: Waiting) => deadlineAt <= now
        if (pending.waits.some(isOver)) {
          over.push(...pending.waits.filter(isOver))
          pending.waits = pending.waits.filter((waiting) => !isOver(waiting))
        }
        for (const { deadlineAt } of pending.waits) nextAt = Math.min(nextAt, deadlineAt)
      }
    }
    this.#lookAgain(Math.max(nextAt, now + LEAST_LOOK_MS))
    for (const { settle } of over) {
      this.#waiting--
      settle(deadlineExceeded())
    }
  }

  #remove(partition: number, id: string, pending: Pending): void {
    const { subject, bytes } = pending
    this.#limits?.release('commandBytes', bytes)
    this.#partitions[partition]!.delete(id)
    this.#size--
    if (--subject.count === 0) this.#bySubject.delete(subject.name)
  }
}

/** Names of entities have no space. */
function subjectName(entity: string, key: string): string {
  return `${entity} ${key}`
}

function deadlineExceeded(): CommandRefusal {
  return refuse('deadline_exceeded', COMMAND_CODES.deadline_exceeded, DEADLINE_RETRY_MS)
}

function refused(refusal: CommandRefusal): Entered {
  return { as: 'refused', refusal }
}
