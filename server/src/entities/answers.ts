import { ANSWERS_HASH, ANSWERS_PREVIOUS_HASH, type CommitOperation } from '../bus/index.ts'
import { AnswerGenerations, type StoredGenerations } from './answer-generations.ts'
import { AnswerLog } from './answer-log.ts'
import { AnsweredIds } from './answered-ids.ts'
import type { Command, CommandOutcome } from './command.ts'

const ROTATE: CommitOperation = { op: 'rename', from: ANSWERS_HASH, to: ANSWERS_PREVIOUS_HASH }

/** An answer that was given before. */
export interface GivenAnswer {
  /** Checksum of the command that it is the answer of. */
  readonly tag: string
  readonly outcome: CommandOutcome
}

/** The answers to the commands of a partition: those of the next commit, and those by which a command is known to be a repetition. */
export class Answers {
  /** No other id is looked up. */
  readonly ids = new AnsweredIds()
  readonly generations: AnswerGenerations
  /** Answers of commits that were not stored when what is loaded now was read, and those that were loaded. */
  readonly #given = new Map<string, GivenAnswer & { readonly commit: number }>()
  readonly #log = new AnswerLog()
  #writes = 0
  /** When the newest command handled was stored. */
  #handledAt: number | undefined

  constructor(stored: StoredGenerations | undefined) {
    this.generations = new AnswerGenerations(stored)
  }

  /** Writes of the next commit. */
  get writes(): number {
    return this.#writes
  }

  /** Characters of the answers of the next commit. */
  get size(): number {
    return this.#log.size
  }

  given(id: string): GivenAnswer | undefined {
    return this.#given.get(id)
  }

  /** Whether an answer may be stored that is not known here. */
  mayBeStored(id: string): boolean {
    return !this.#given.has(id) && this.ids.mayHave(id)
  }

  /** @param stored the last commit that is stored: it is forgotten with the next look */
  loaded(id: string, given: GivenAnswer, stored: number): void {
    this.#given.set(id, { ...given, commit: stored })
  }

  /** Forgets what can be loaded: answers of commits up to this one. */
  forget(stored: number): void {
    for (const [id, { commit }] of this.#given) if (commit <= stored) this.#given.delete(id)
  }

  /** @param isNoted whether the command has this answer for good @param commit that will store it */
  add(command: Command, outcome: CommandOutcome, isNoted: boolean, commit: number): void {
    this.#log.add(command, outcome, isNoted)
    this.#writes += isNoted ? 2 : 1
    if (!isNoted) return
    this.#given.set(command.id, { tag: command.checksum, outcome, commit })
    this.generations.added(command.id, command.checksum)
    this.ids.add(command.id)
  }

  handled({ storedAt }: Command): void {
    this.#handledAt = storedAt
  }

  /** Begins a generation where it is time. */
  rotate(now: number): CommitOperation[] {
    if (!this.generations.rotate(now)) return []
    this.ids.rotate()
    return [ROTATE]
  }

  /** The operations of the next commit. @param isBehind whether further commands wait already: its answers say so */
  take(isBehind: boolean): CommitOperation[] {
    this.#writes = 0
    return this.#log.take(isBehind ? this.#handledAt : undefined)
  }
}
