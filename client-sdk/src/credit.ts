/**
 * The share of the window of which nothing was reported at which consumption is, whether all of it was consumed or not: a
 * congested server waits until no more than this is in flight.
 */
const REPORT_SHARE = 1 / 4

/**
 * Counts the consumed bytes of one connection. Bytes of a frame with events count when the application has taken the
 * last of them; other frames count at once. Unreported bytes stay in flight at the server, so a slow consumer slows
 * only its own delivery.
 */
export class CreditMeter {
  /** Of frames with an event that the application does not have yet. */
  heldBytes = 0
  readonly #windowBytes: number
  readonly #report: (bytes: number) => void
  #consumed = 0
  #reported = 0

  /** @param report sends the cumulative count on the counted connection. */
  constructor(windowBytes: number, report: (bytes: number) => void) {
    this.#windowBytes = windowBytes
    this.#report = report
  }

  /** A receipt for a frame with this many events: its bytes count when `done` was called for each. */
  receipt(bytes: number, events: number): FrameReceipt {
    this.heldBytes += bytes
    return new FrameReceipt(events, bytes / events, this, () => this.#consume(bytes))
  }

  #consume(bytes: number): void {
    this.heldBytes -= bytes
    this.#consumed += bytes
    if (this.heldBytes + this.#consumed - this.#reported < this.#windowBytes * REPORT_SHARE) return
    this.#reported = this.#consumed
    this.#report(this.#consumed)
  }
}

export type Meter = Readonly<Pick<CreditMeter, 'heldBytes'>>

export class FrameReceipt {
  #left: number
  /** Bytes of the frame for each of its events. */
  readonly eventBytes: number
  /** Of the connection that it came on. */
  readonly meter: Meter
  readonly #finish: () => void

  constructor(events: number, eventBytes: number, meter: Meter, finish: () => void) {
    this.#left = events
    this.eventBytes = eventBytes
    this.meter = meter
    this.#finish = finish
    if (events === 0) finish()
  }

  /** MUST be called once per event. */
  done(): void {
    if (--this.#left === 0) this.#finish()
  }

  /** For one event that goes to several: it is done when each of them is. */
  sharedBy(readers: number): FrameReceipt {
    return readers === 1 ? this : new FrameReceipt(readers, this.eventBytes, this.meter, () => this.done())
  }
}
