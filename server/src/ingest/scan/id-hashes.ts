/** Slots for each hash: collisions are few. */
const SPARSENESS = 4

/** A set of 32-bit numbers that is emptied at no cost. */
export class IdHashes {
  readonly #mask: number
  readonly #hashes: Int32Array
  /** The round in which a slot was filled. */
  readonly #rounds: Int32Array
  #round = 0

  /** @param capacity additions after which it MUST be cleared */
  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(SPARSENESS * capacity))
    this.#mask = slots - 1
    this.#hashes = new Int32Array(slots)
    this.#rounds = new Int32Array(slots)
  }

  clear(): void {
    this.#round++
    if (this.#round < 0x7fff_ffff) return
    this.#rounds.fill(0)
    this.#round = 1
  }

  /** @returns whether it is new */
  add(hash: number): boolean {
    let slot = (hash ^ (hash >>> 16)) & this.#mask
    while (this.#rounds[slot] === this.#round) {
      if (this.#hashes[slot] === (hash | 0)) return false
      slot = (slot + 1) & this.#mask
    }
    this.#rounds[slot] = this.#round
    this.#hashes[slot] = hash
    return true
  }
}
