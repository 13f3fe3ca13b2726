/** How long the answers of a generation are collected, ms. An answer is known for at least so long after it was given. */
const GENERATION_MS = 60 * 60 * 1_000
/** The same in bytes of Redis, about: a place is an id, a checksum and a position. */
const GENERATION_BYTES = 32 * 1_024 * 1_024
const PLACE_OVERHEAD = 64
/** An age is as of when its command was sent. */
export const TRANSIT_MS = 5_000

/** From when on no answer is known, at the latest: both generations may have been begun an hour late. */
export const ANSWERS_RETENTION_MS = 3 * GENERATION_MS

/** As stored. Times in ms since 1970 by Redis' clock. */
export interface StoredGenerations {
  /** When this generation began. */
  readonly began: number
  /** From when on every answer is known. */
  readonly since: number
  /** What this generation takes. */
  readonly bytes: number
}

/** How long answers are kept: a generation while it is filled, and while the next one is. */
export class AnswerGenerations {
  #began: number
  #since: number
  #bytes: number

  constructor(stored: StoredGenerations = { began: 0, since: 0, bytes: 0 }) {
    this.#began = stored.began
    this.#since = stored.since
    this.#bytes = stored.bytes
  }

  /** From when on every answer is known; 0: always. */
  get since(): number {
    return this.#since
  }

  get stored(): StoredGenerations {
    return { began: this.#began, since: this.#since, bytes: this.#bytes }
  }

  added(id: string, tag: string): void {
    this.#bytes += id.length + tag.length + PLACE_OVERHEAD
  }

  /** Whether the answer of a command that is not known may have been forgotten. @param bornAt when it was sent first */
  mayHaveForgotten(bornAt: number): boolean {
    return bornAt < this.#since + TRANSIT_MS && this.#since > 0
  }

  /** Begins a generation where it is time. @returns whether it did */
  rotate(now: number): boolean {
    if (this.#began === 0) this.#began = now
    if (now - this.#began < GENERATION_MS && this.#bytes < GENERATION_BYTES) return false
    this.#since = this.#began
    this.#began = now
    this.#bytes = 0
    return true
  }
}
