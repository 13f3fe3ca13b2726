import { setImmediate as yieldToLoop } from 'node:timers/promises'

/** When those that ran under one limit took so long together, the next ones get one of their own: honest code is far below it. */
const ENOUGH_MS = 10

interface Part {
  readonly body: () => void
  readonly resolve: (isOver: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs what comes in one turn of the event loop under one time limit: setting the limit costs more than most of them take, and
 * waits for a thread to end, which is long on a busy machine.
 */
export class SharedLimit {
  readonly #limited: (body: () => void) => boolean
  readonly #inTurn: (run: () => Promise<void>) => Promise<void>
  #waiting: Part[] = []

  /**
   * @param limited runs a body, which may be ended anywhere and run again. @returns false where it was ended
   * @param inTurn runs all that has come until it calls its argument
   */
  constructor(limited: (body: () => void) => boolean, inTurn = (run: () => Promise<void>) => run()) {
    this.#limited = limited
    this.#inTurn = inTurn
  }

  /**
   * @param body MUST be one that may be ended anywhere and run again
   * @returns false where it did not return within the limit
   * @throws what the body throws
   */
  readonly run = (body: () => void): Promise<boolean> =>
    new Promise((resolve, reject) => {
      if (this.#waiting.push({ body, resolve, reject }) > 1) return
      // The turn is asked for at once: whoever has it gives it back only where somebody waits.
      void this.#inTurn(async () => {
        await yieldToLoop()
        await this.#runAll()
      })
    })

  async #runAll(): Promise<void> {
    const parts = this.#waiting
    this.#waiting = []
    for (let from = 0; from < parts.length; ) {
      from = this.#runFrom(parts, from)
      if (from < parts.length) await yieldToLoop()
    }
  }

  /** @returns up to where they have run */
  #runFrom(parts: readonly Part[], from: number): number {
    const failures = new Map<Part, unknown>()
    let at = from
    const isOver = this.#limited(() => {
      failures.clear()
      const enoughAt = performance.now() + ENOUGH_MS
      for (at = from; at < parts.length && (at === from || performance.now() < enoughAt); at++) {
        try {
          parts[at]!.body()
        } catch (error) {
          failures.set(parts[at]!, error)
        }
      }
    })
    for (const part of parts.slice(from, at)) {
      if (failures.has(part)) part.reject(failures.get(part))
      else part.resolve(true)
    }
    // The others may have left it too little of the limit.
    if (isOver || at > from) return at
    parts[at]!.resolve(false)
    return at + 1
  }
}
