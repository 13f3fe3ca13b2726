import { randomInt } from 'node:crypto'
import { hashOf } from '../bus/index.ts'

/** Random: whoever chooses ids could otherwise have them all in one place of a table. */
const SEED = randomInt(2 ** 32)
const FIRST_SLOTS = 1_024

/**
 * The ids of commands that may have an answer, of two generations of answers. It holds hashes, 5 to 11 bytes an id, so it
 * may take an id for another one; of an id that it does not have there is no answer.
 */
export class AnsweredIds {
  #current = new HashTable()
  #previous = new HashTable()
  /** Whether those are known that were answered before this owner began. */
  #isComplete = false

  mayHave(id: string): boolean {
    if (!this.#isComplete) return true
    const hash = hashOf(id, SEED)
    return this.#current.has(hash) || this.#previous.has(hash)
  }

  /** It gets an answer with the next commit. */
  add(id: string): void {
    this.#current.add(hashOf(id, SEED))
  }

  /** A generation of answers begins with the next commit, and the one before the last is forgotten. */
  rotate(): void {
    this.#previous = this.#current
    this.#current = new HashTable()
  }

  /** Ids whose answers are stored. */
  found(ids: readonly string[], { isOlder }: { readonly isOlder: boolean }): void {
    const table = isOlder ? this.#previous : this.#current
    for (const id of ids) table.add(hashOf(id, SEED))
  }

  /**
   * All were found that were stored before. Those of this generation MUST have been gone through first: a generation that
   * ends meanwhile becomes the previous one.
   */
  complete(): void {
    this.#isComplete = true
  }
}

/** A set of numbers of 32 bits. */
class HashTable {
  /** A power of two; 0 is free. */
  #slots = new Uint32Array(FIRST_SLOTS)
  #count = 0

  has(hash: number): boolean {
    return this.#slots[this.#slotOf(hash)] !== 0
  }

  add(hash: number): void {
    const slot = this.#slotOf(hash)
    if (this.#slots[slot] !== 0) return
    this.#slots[slot] = hash || 1
    this.#count++
    if (this.#count > 0.75 * this.#slots.length) this.#grow()
  }

  /** Where it is, or would be. */
  #slotOf(hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = hash & mask
    while (slots[at] !== 0 && slots[at] !== (hash || 1)) at = (at + 1) & mask
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(2 * before.length)
    for (const hash of before) if (hash !== 0) this.#slots[this.#slotOf(hash)] = hash
  }
}
