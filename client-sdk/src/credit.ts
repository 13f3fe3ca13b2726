/** The share of the window after which consumption is reported: often enough that the server never waits for a report. */
const REPORT_SHARE = 1 / 4

/**
 * Counts the bytes of a connection that are consumed. Bytes of a frame with events count when the last of them was taken
 * by the application; everything else at once. What is not reported stays in flight at the server, which is how a slow
 * consumer slows its own delivery and nobody else's.
 */
export class CreditMeter {
  readonly #windowBytes: number
  readonly #report: (bytes: number) => void
  #consumed = 0
  #reported = 0

  /** @param report sends the cumulative count. */
  constructor(windowBytes: number, report: (bytes: number) => void) {
    this.#windowBytes = windowBytes
    this.#report = report
  }

  consume(bytes: number): void {
    this.#consumed += bytes
    if (this.#consumed - this.#reported < this.#windowBytes * REPORT_SHARE) return
    this.#reported = this.#consumed
    this.#report(this.#consumed)
  }

  /** A receipt for a frame with so many events: counts its bytes when `done` was called for each. */
  receipt(bytes: number, events: number): FrameReceipt {
    return new FrameReceipt(events, () => this.consume(bytes))
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

  done(): void {
    if (--this.#left === 0) this.#finish()
  }
}

/** UTF-8 bytes of a text frame. Most are ASCII, and telling that is quicker than counting. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  if (ASCII.test(text)) return bytes
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7ff) bytes += 2
    else if (unit > 0x7f) bytes += 1
    // A surrogate pair is four bytes: two units at three bytes each would be six.
    if (unit >= 0xd800 && unit <= 0xdbff) bytes -= 2
  }
  return bytes
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
const ASCII = /^[\x00-\x7f]*$/
