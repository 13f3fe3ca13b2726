import { type Reader, ReadTurns } from './read-turns.ts'

/** Runs reads of Redis for all clients of a process, a few at a time and in turns. */
export class PacedReads {
  readonly #concurrent: number
  readonly #turns = new ReadTurns<() => void>()
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

  /** Runs it when it is its reader's turn. */
  run<Result>(reader: Reader, read: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#turns.add(reader, () => {
        this.#running++
        read()
          .then(resolve, reject)
          .finally(() => {
            this.#running--
            this.#start()
          })
      })
      this.#start()
    })
  }

  #start(): void {
    while (this.#running < this.#concurrent) {
      const begin = this.#turns.take()
      if (begin === undefined) break
      begin()
    }
    if (this.#turns.size === 0 || this.#running >= this.#concurrent || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, this.#turns.waitMs())
    this.#timer.unref()
  }
}
