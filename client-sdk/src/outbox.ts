/** One publish frame, from the call until its answer. */
export interface OutboxFrame {
  readonly seq: number
  /** The frame's JSON without the closing brace: a resend differs only by its age. */
  readonly head: string
  readonly bytes: number
  readonly enqueuedAt: number
  sentAt: number | undefined
}

export interface OutboxLimits {
  readonly maxFrames: number
  readonly maxBytes: number
  /** How long a frame that was never sent may wait, ms. */
  readonly maxAgeMs: number
}

/** A minute of one frame every 15 ms, or 8 MiB: what a page may hold through a short outage without hurting. */
export const DEFAULT_OUTBOX: OutboxLimits = { maxFrames: 4_096, maxBytes: 8 * 1_024 * 1_024, maxAgeMs: 60_000 }

/** Least wait before sending again after a rejection, ms. */
const MIN_RETRY_MS = 10

/**
 * The frames that are not answered yet, in seq order. Frames before the cursor are in flight. A retryable rejection or a
 * lost connection moves the cursor back and everything from there is sent again in order: a later frame must never
 * reach the log before an earlier one. Pure: time comes in, frames to send come out.
 */
export class Outbox {
  readonly #limits: OutboxLimits
  readonly #frames: OutboxFrame[] = []
  #cursor = 0
  #bytes = 0
  #inFlightBytes = 0
  #nextSeq = 1
  #heldUntil = 0

  constructor(limits: OutboxLimits = DEFAULT_OUTBOX) {
    this.#limits = limits
  }

  get size(): number {
    return this.#frames.length
  }

  /** Seq for the next frame; its JSON needs it. */
  get nextSeq(): number {
    return this.#nextSeq
  }

  /** When sending may go on after a rejection, ms. */
  get heldUntil(): number {
    return this.#heldUntil
  }

  /** When the oldest frame that was never sent becomes too old, if there is one. */
  get expiresAt(): number | undefined {
    const oldest = this.#frames.find((frame) => frame.sentAt === undefined)
    return oldest && oldest.enqueuedAt + this.#limits.maxAgeMs
  }

  hasRoom(frames: number, bytes: number): boolean {
    return this.#frames.length + frames <= this.#limits.maxFrames && this.#bytes + bytes <= this.#limits.maxBytes
  }

  /** Takes a frame that carries `nextSeq`. The caller MUST have asked `hasRoom`. */
  push(head: string, bytes: number, now: number): number {
    const seq = this.#nextSeq++
    this.#frames.push({ seq, head, bytes, enqueuedAt: now, sentAt: undefined })
    this.#bytes += bytes
    return seq
  }

  /** The next frame to send within the grant, if any. It counts as in flight from now on. */
  next(now: number, grant: { readonly frames: number; readonly bytes: number }): OutboxFrame | undefined {
    const frame = this.#frames[this.#cursor]
    if (frame === undefined || now < this.#heldUntil || this.#cursor >= grant.frames) return undefined
    if (this.#cursor > 0 && this.#inFlightBytes + frame.bytes > grant.bytes) return undefined
    this.#cursor++
    this.#inFlightBytes += frame.bytes
    return frame
  }

  /** The frame was answered for good. False when it was not waiting for an answer. */
  settle(seq: number): boolean {
    const index = this.#indexOf(seq)
    if (index === -1) return false
    const [frame] = this.#frames.splice(index, 1)
    this.#bytes -= frame!.bytes
    if (index < this.#cursor) {
      this.#cursor--
      this.#inFlightBytes -= frame!.bytes
    }
    return true
  }

  /** The frame was rejected for now: it and everything after it is sent again, after a wait. */
  retry(seq: number, retryAfterMs: number, now: number): void {
    const index = this.#indexOf(seq)
    if (index === -1 || index >= this.#cursor) return
    this.#rewind(index)
    this.#heldUntil = now + Math.max(MIN_RETRY_MS, retryAfterMs)
  }

  /** The connection is gone: whatever was in flight is sent again on the next one. */
  disconnected(): void {
    this.#rewind(0)
    this.#heldUntil = 0
  }

  /** Removes frames that were never sent and are too old; what was sent once is never given up. */
  expire(now: number): number[] {
    const expired = this.#frames.filter(
      (frame) => frame.sentAt === undefined && now - frame.enqueuedAt >= this.#limits.maxAgeMs,
    )
    return expired.map(({ seq }) => seq).filter((seq) => this.settle(seq))
  }

  /** Removes everything. */
  clear(): number[] {
    return this.#frames.map(({ seq }) => seq).filter((seq) => this.settle(seq))
  }

  #rewind(index: number): void {
    for (let i = index; i < this.#cursor; i++) this.#inFlightBytes -= this.#frames[i]!.bytes
    this.#cursor = Math.min(this.#cursor, index)
  }

  /** Frames are in seq order, usually without holes. */
  #indexOf(seq: number): number {
    let low = 0
    let high = this.#frames.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#frames[middle]!.seq
      if (found === seq) return middle
      if (found < seq) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}
