/**
 * Counts the consumed bytes of one connection. Bytes of a frame with events count when the application has taken the
 * last of them; other frames count at once. Unreported bytes stay in flight at the server, so a slow consumer slows
 * only its own delivery.
 */
export class CreditMeter {
  /** A congested server waits until no more is in flight. */
  readonly #lowWaterBytes: number
  readonly #report: (bytes: number) => void
  /** Of frames with an event that the application does not have yet. */
  #held = 0
  #consumed = 0
  #reported = 0

  /** @param report sends the cumulative count on the counted connection. */
  constructor(windowBytes: number, report: (bytes: number) => void) {
    this.#lowWaterBytes = windowBytes / 4
    this.#report = report
  }

  /** So much waits for the application that a congested server stays congested, whatever else is consumed. */
  get isFull(): boolean {
    return this.#held > this.#lowWaterBytes
  }

  /** A receipt for a frame with this many events: its bytes count when `done` was called for each. */
  receipt(bytes: number, events: number): FrameReceipt {
    this.#held += bytes
    return new FrameReceipt(events, bytes / events, this, () => this.#consume(bytes))
  }

  #consume(bytes: number): void {
    this.#held -= bytes
    this.#consumed += bytes
    if (this.#held + this.#consumed - this.#reported < this.#lowWaterBytes) return
    this.#reported = this.#consumed
    this.#report(this.#consumed)
  }
}

export type Meter = Pick<CreditMeter, 'isFull'>

export class FrameReceipt {
  #left: number
  /** Bytes of the frame for each of its events. */
  readonly eventBytes: number
  /** Of the connection that it came on. */
  readonly credit: Meter
  readonly #finish: () => void

  constructor(events: number, eventBytes: number, credit: Meter, finish: () => void) {
    this.#left = events
    this.eventBytes = eventBytes
    this.credit = credit
    this.#finish = finish
    if (events === 0) finish()
  }

  /** MUST be called once per event. */
  done(): void {
    if (--this.#left === 0) this.#finish()
  }

  /** For one event that goes to several: it is done when each of them is. */
  sharedBy(readers: number): FrameReceipt {
    return readers === 1 ? this : new FrameReceipt(readers, this.eventBytes, this.credit, () => this.done())
  }
}
