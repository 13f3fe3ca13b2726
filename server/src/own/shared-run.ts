import { setImmediate as yieldToLoop } from 'node:timers/promises'
import type { Turn } from '../lease/index.ts'

const URGENT = { isUrgent: true }

interface Part {
  readonly body: () => void
  readonly resolve: (isOver: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs what partitions have ready at the same time in one turn and under one time limit: setting the limit costs more than
 * most of them take.
 */
export class SharedRun {
  readonly #turn: Turn
  readonly #limited: (body: () => void) => boolean
  #waiting: Part[] = []
  /** How many run under one limit: fewer where together they took too long. */
  #most = Number.POSITIVE_INFINITY

  /** @param limited runs a body, which may be ended anywhere and run again. @returns false where it was ended */
  constructor(turn: Turn, limited: (body: () => void) => boolean) {
    this.#turn = turn
    this.#limited = limited
  }

  /**
   * @param body MUST be one that may be ended anywhere and run again
   * @returns false where it did not return within the limit
   * @throws what the body throws
   */
  run(body: () => void): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ body, resolve, reject }) > 1) return
      // What becomes ready in this turn of the event loop goes along.
      setImmediate(() => void this.#turn.run(() => this.#runAll(), URGENT))
    })
  }

  async #runAll(): Promise<void> {
    const parts = this.#waiting
    this.#waiting = []
    for (let from = 0; from < parts.length; ) {
      from = this.#runFrom(parts, from)
      // After one that took too long, what else the process does has its turn.
      if (from < parts.length) await yieldToLoop()
    }
  }

  /** @returns up to where they have run */
  #runFrom(parts: readonly Part[], from: number): number {
    const end = Math.min(parts.length, from + this.#most)
    const failures = new Map<Part, unknown>()
    let at = from
    const isOver = this.#limited(() => {
      failures.clear()
      for (at = from; at < end; at++) {
        try {
          parts[at]!.body()
        } catch (error) {
          failures.set(parts[at]!, error)
        }
      }
    })
    this.#most = isOver ? 2 * this.#most : Math.max(1, Math.floor((at - from) / 2))
    for (const part of parts.slice(from, at)) {
      if (failures.has(part)) part.reject(failures.get(part))
      else part.resolve(true)
    }
    // What the others have left of the limit may have been too little for it.
    if (isOver || at > from) return at
    parts[at]!.resolve(false)
    return at + 1
  }
}
