import type { TimerEvent } from './event.ts'
import type { TimerName } from './state.ts'

/** The running timers of a connection. */
export class Timers {
  readonly #due: (event: TimerEvent) => void
  readonly #running = new Map<TimerName, ReturnType<typeof setTimeout>>()

  constructor(due: (event: TimerEvent) => void) {
    this.#due = due
  }

  /** Starts a timer, anew if it is running. */
  arm(timer: TimerName, ms: number): void {
    clearTimeout(this.#running.get(timer))
    this.#running.set(
      timer,
      setTimeout(() => this.#due({ from: 'timer', kind: `${timer}_due` }), ms),
    )
  }

  /** Stops all of them. */
  disarm(): void {
    for (const running of this.#running.values()) clearTimeout(running)
  }
}
