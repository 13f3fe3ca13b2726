/** What waits, each of it for a purse. Purses take turns, each with its oldest first: nobody waits for another's surplus. Pure. */
export class Turns<Item> {
  /** The purse whose turn is next first. */
  readonly #purses = new Map<object, Item[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Of one purse. */
  sizeOf(purse: object): number {
    return this.#purses.get(purse)?.length ?? 0
  }

  add(purse: object, item: Item): void {
    this.#queueOf(purse).push(item)
  }

  /** Before those that wait for the same purse: it was its turn already. */
  addFirst(purse: object, item: Item): void {
    this.#queueOf(purse).unshift(item)
  }

  /** `undefined`: none waits of a purse that may. @param mayGo whether it is the turn of a purse, with its oldest */
  take(mayGo: (purse: object, first: Item) => boolean = ANY): Item | undefined {
    for (const [purse, queue] of this.#purses) {
      if (!mayGo(purse, queue[0]!)) continue
      const item = queue.shift()!
      this.#size--
      this.#purses.delete(purse)
      if (queue.length > 0) this.#purses.set(purse, queue)
      return item
    }
    return undefined
  }

  /** How long until it is the turn of one of them, ms; 0: now, infinite: nobody knows. @param waitOf of a purse, with its oldest */
  waitMs(waitOf: (purse: object, first: Item) => number): number {
    let waitMs = Number.POSITIVE_INFINITY
    for (const [purse, queue] of this.#purses) waitMs = Math.min(waitMs, waitOf(purse, queue[0]!))
    return waitMs
  }

  clear(): void {
    this.#purses.clear()
    this.#size = 0
  }

  /** One more comes into it. */
  #queueOf(purse: object): Item[] {
    this.#size++
    let queue = this.#purses.get(purse)
    if (queue === undefined) {
      queue = []
      this.#purses.set(purse, queue)
    }
    return queue
  }
}

const ANY = () => true
