import type { TimerEvent } from './machine/event.ts'
import type { TimerName } from './machine/state.ts'

interface Running {
  dueAt: number
  readonly firesAt: number
  readonly timer: ReturnType<typeof setTimeout>
}

/** The running timers of a connection. */
export class Timers {
  readonly #due: (event: TimerEvent) => void
  readonly #running = new Map<TimerName, Running>()

  constructor(due: (event: TimerEvent) => void) {
    this.#due = due
  }

  /** Starts a timer, anew if it is running. */
  arm(name: TimerName, ms: number): void {
    const dueAt = performance.now() + ms
    const running = this.#running.get(name)
    // One that every frame puts off is not set again each time: it looks how late it is when it fires.
    if (running !== undefined && running.firesAt <= dueAt) running.dueAt = dueAt
    else this.#set(name, dueAt, ms)
  }

  /** Stops all of them. */
  disarm(): void {
    for (const { timer } of this.#running.values()) clearTimeout(timer)
    this.#running.clear()
  }

  #set(name: TimerName, dueAt: number, ms: number): void {
    clearTimeout(this.#running.get(name)?.timer)
    this.#running.set(name, { dueAt, firesAt: dueAt, timer: setTimeout(() => this.#fired(name), ms) })
  }

  #fired(name: TimerName): void {
    const { dueAt, firesAt } = this.#running.get(name)!
    if (dueAt > firesAt) return this.#set(name, dueAt, Math.max(0, dueAt - performance.now()))
    this.#running.delete(name)
    this.#due({ from: 'timer', kind: `${name}_due` })
  }
}
