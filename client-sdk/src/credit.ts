/** The share of the window after which consumption is reported: above it, a congested server would wait for the rest. */
const REPORT_SHARE = 1 / 4

/**
 * Counts the bytes of one connection that are consumed. Bytes of a frame with events count when the last of them was
 * taken by the application; everything else at once. What is not reported stays in flight at the server, which is how a
 * slow consumer slows its own delivery and nobody else's.
 */
export class CreditMeter {
  readonly #windowBytes: number
  readonly #report: (bytes: number) => void
  #consumed = 0
  #reported = 0

  /** @param report sends the cumulative count on the connection that is counted. */
  constructor(windowBytes: number, report: (bytes: number) => void) {
    this.#windowBytes = windowBytes
    this.#report = report
  }

  /** A receipt for a frame with so many events: its bytes count when `done` was called for each. */
  receipt(bytes: number, events: number): FrameReceipt {
    return new FrameReceipt(events, () => this.#consume(bytes))
  }

  #consume(bytes: number): void {
    this.#consumed += bytes
    if (this.#consumed - this.#reported < this.#windowBytes * REPORT_SHARE) return
    this.#reported = this.#consumed
    this.#report(this.#consumed)
  }
}

export class FrameReceipt {
  #left: number
  readonly #finish: () => void

  constructor(events: number, finish: () => void) {
    this.#left = events
    this.#finish = finish
    if (events === 0) finish()
  }

  /** MUST be called once per event. */
  done(): void {
    if (--this.#left === 0) this.#finish()
  }
}
