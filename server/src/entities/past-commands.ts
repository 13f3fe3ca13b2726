import type { AnswerGenerations } from './answer-generations.ts'
import type { Command } from './command.ts'
import { type EntityBook, placeOf } from './entity-book.ts'
import { cutOf, type TrailEntry } from './entity-record.ts'

/** Events of an entity that are looked through. */
const LOOKED_THROUGH = 100

/** The events `[from, to)` of a trail, counted from 0. */
export interface UnreadTrail {
  readonly name: string
  readonly key: string
  /** Events before the trail, which are gone. */
  readonly cut: number
  readonly from: number
  readonly to: number
}

/** Commands that stand beside the newest events of their entities, and whose answers may be forgotten. */
export class PastCommands {
  readonly #book: EntityBook
  readonly #generations: AnswerGenerations

  constructor(book: EntityBook, generations: AnswerGenerations) {
    this.#book = book
    this.#generations = generations
  }

  /** What has to be read before these commands are run. Their entities are held. */
  unread(commands: readonly Command[]): UnreadTrail[] {
    const { since } = this.#generations
    // Every answer is known.
    if (since === 0) return []
    const unread = new Map<string, UnreadTrail>()
    for (const { entity: name, key } of commands) {
      const held = this.#book.get(name, key)
      if (held.kind === 'broken' || this.#book.past(name, key)?.since === since) continue
      const cut = cutOf(held.record)
      const to = held.record.version - cut
      unread.set(placeOf(name, key), { name, key, cut, from: Math.max(0, to - LOOKED_THROUGH), to })
    }
    return [...unread.values()]
  }

  /** @param entries of the trail as it is stored: what a commit under way adds has an answer that is known */
  read({ name, key, cut, from }: UnreadTrail, entries: readonly TrailEntry[]): void {
    const versions = new Map<string, number>()
    for (const [i, { commandId, time }] of entries.entries()) {
      if (this.#generations.mayHaveForgotten(time)) versions.set(commandId, cut + from + i + 1)
    }
    this.#book.setPast(name, key, { since: this.#generations.since, versions })
  }

  /** Version of the entity with the last event of the command, if that was run and its answer may be forgotten. */
  versionOf({ entity, key, id }: Command): number | undefined {
    // Every answer is known.
    if (this.#generations.since === 0) return undefined
    return this.#book.past(entity, key)?.versions.get(id)
  }
}
