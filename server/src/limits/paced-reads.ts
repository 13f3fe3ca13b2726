import { type Reader, ReadTurns } from './read-turns.ts'

/** Runs reads of Redis for all clients of a process, a few at a time and in turns. */
export class PacedReads {
  readonly #concurrent: number
  readonly #turns = new ReadTurns<() => void>()
  /** By purse. What comes back is handled in one turn of the event loop, so that half of the places are never one's alone. */
  readonly #underWay = new Map<object, number>()
  #running = 0
  #timer: NodeJS.Timeout | undefined

  /** @param concurrent more would only make each of them late */
  constructor(concurrent: number) {
    this.#concurrent = concurrent
  }

  /** Reads that have not begun. */
  get waiting(): number {
    return this.#turns.size
  }

  /** Those of one purse. */
  waitingOf(purse: object): number {
    return this.#turns.sizeOf(purse)
  }

  /** Runs it when it is its reader's turn. @returns `undefined` without having read, if its reader has left meanwhile */
  run<Result>(reader: Reader, read: () => Promise<Result>): Promise<Result | undefined> {
    return new Promise<Result | undefined>((resolve, reject) => {
      this.#turns.add(reader, () => {
        if (reader.hasLeft) return resolve(undefined)
        this.#count(reader.purse, 1)
        read()
          .then(resolve, reject)
          .finally(() => {
            this.#count(reader.purse, -1)
            this.#start()
          })
      })
      this.#start()
    })
  }

  #count(purse: object, change: 1 | -1): void {
    this.#running += change
    const underWay = (this.#underWay.get(purse) ?? 0) + change
    if (underWay > 0) this.#underWay.set(purse, underWay)
    else this.#underWay.delete(purse)
  }

  readonly #isFree = (purse: object) => (this.#underWay.get(purse) ?? 0) < this.#concurrent / 2

  #start(): void {
    while (this.#running < this.#concurrent) {
      const begin = this.#turns.take(this.#isFree)
      if (begin === undefined) break
      begin()
    }
    if (this.#running >= this.#concurrent || this.#timer !== undefined) return
    const waitMs = this.#turns.waitMs(this.#isFree)
    if (waitMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, waitMs)
    this.#timer.unref()
  }
}
