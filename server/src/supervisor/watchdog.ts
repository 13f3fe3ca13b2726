const LOOK_MS = 1_000

/**
 * Notices when something that should report every second no longer does. It counts its own checks and not the time:
 * after a sleep of the whole machine, or of this process, everybody gets their seconds anew.
 */
export class Watchdog {
  readonly #onHung: () => void
  readonly #patience: number
  readonly #timer: NodeJS.Timeout
  #looks = 0

  /** @param seconds without a sign after which `onHung` is called, once. */
  constructor(seconds: number, onHung: () => void) {
    this.#patience = seconds
    this.#onHung = onHung
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** A sign of life. */
  seen(): void {
    this.#looks = 0
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    if (++this.#looks < this.#patience) return
    this.close()
    this.#onHung()
  }
}
