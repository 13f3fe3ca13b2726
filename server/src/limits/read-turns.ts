/** For whom something is read. */
export interface Reader {
  /** Readers of one purse take turns as one. */
  readonly purse: object
  /** How long until more may be read for it, ms; 0: now. */
  readWaitMs(): number
  /** So much was read for it. @param fromRedis it was not there already */
  chargeRead(bytes: number, fromRedis: boolean): void
}

/** A process of its own, such as a command of the operator: nobody else waits. */
export const ONLY_READER: Reader = { purse: {}, readWaitMs: () => 0, chargeRead: () => {} }

interface Waiting<Read> {
  readonly reader: Reader
  readonly read: Read
}

const ANY = () => true

/**
 * What waits to be read. Purses take turns, each with its oldest read first, and one that has read too much is passed
 * over until that is paid for: nobody waits for another's surplus. Pure.
 */
export class ReadTurns<Read> {
  /** The purse whose turn is next first. */
  readonly #purses = new Map<object, Waiting<Read>[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(reader: Reader, read: Read): void {
    this.#queueOf(reader).push({ reader, read })
  }

  /** Before those that wait for the same purse: it was its turn already. */
  addFirst(reader: Reader, read: Read): void {
    this.#queueOf(reader).unshift({ reader, read })
  }

  /** `undefined`: none waits that may be read now. @param isFree whether a purse may have one more read under way */
  take(isFree: (purse: object) => boolean = ANY): Read | undefined {
    for (const [purse, queue] of this.#purses) {
      if (!isFree(purse) || queue[0]!.reader.readWaitMs() > 0) continue
      const { read } = queue.shift()!
      this.#size--
      this.#purses.delete(purse)
      if (queue.length > 0) this.#purses.set(purse, queue)
      return read
    }
    return undefined
  }

  /** How long until one of them may be read, ms; 0: now, infinite: when another read ends. */
  waitMs(isFree: (purse: object) => boolean = ANY): number {
    let waitMs = Number.POSITIVE_INFINITY
    for (const [purse, [first]] of this.#purses) {
      if (isFree(purse)) waitMs = Math.min(waitMs, first!.reader.readWaitMs())
    }
    return waitMs
  }

  clear(): void {
    this.#purses.clear()
    this.#size = 0
  }

  /** One more comes into it. */
  #queueOf({ purse }: Reader): Waiting<Read>[] {
    this.#size++
    let queue = this.#purses.get(purse)
    if (queue === undefined) {
      queue = []
      this.#purses.set(purse, queue)
    }
    return queue
  }
}
