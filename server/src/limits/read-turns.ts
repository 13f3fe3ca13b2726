import { Turns } from './turns.ts'

/** For whom something is read. */
export interface Reader {
  /** Readers of one purse take turns as one. */
  readonly purse: object
  /** Nobody waits any more for what is read for it. Absent: it stays. */
  readonly hasLeft?: boolean
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

/** What waits to be read. A purse that has read too much is passed over until that is paid for. Pure. */
export class ReadTurns<Read> {
  readonly #turns = new Turns<Waiting<Read>>()

  get size(): number {
    return this.#turns.size
  }

  /** Of one purse. */
  sizeOf(purse: object): number {
    return this.#turns.sizeOf(purse)
  }

  add(reader: Reader, read: Read): void {
    this.#turns.add(reader.purse, { reader, read })
  }

  /** Before those that wait for the same purse: it was its turn already. */
  addFirst(reader: Reader, read: Read): void {
    this.#turns.addFirst(reader.purse, { reader, read })
  }

  /** `undefined`: none waits that may be read now. @param isFree whether a purse may have one more read under way */
  take(isFree: (purse: object) => boolean = ANY): Read | undefined {
    return this.#turns.take((purse, { reader }) => isFree(purse) && reader.readWaitMs() === 0)?.read
  }

  /** How long until one of them may be read, ms; 0: now, infinite: when another read ends. */
  waitMs(isFree: (purse: object) => boolean = ANY): number {
    return this.#turns.waitMs((purse, { reader }) => (isFree(purse) ? reader.readWaitMs() : Number.POSITIVE_INFINITY))
  }

  clear(): void {
    this.#turns.clear()
  }
}
