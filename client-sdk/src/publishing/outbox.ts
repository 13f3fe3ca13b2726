import { Kept } from './kept.ts'

/** Bounds of unacknowledged frames, and how long a frame may wait before its first attempt. */
export interface OutboxLimits {
  /** Calls that wait; one more is rejected as `outbox_full`. 4,096 if absent. */
  readonly maxFrames: number
  /** UTF-8 bytes of the JSON that waits; more is rejected as `outbox_full`. 8 MiB if absent. */
  readonly maxBytes: number
  /** How long a call may wait before its first attempt; then it is rejected as `outbox_expired`. A minute if absent. */
  readonly maxAgeMs: number
}

/** A minute of one frame every 15 ms, or 8 MiB: what a page may hold through a short outage without hurting. */
export const DEFAULT_OUTBOX: OutboxLimits = { maxFrames: 4_096, maxBytes: 8 * 1_024 * 1_024, maxAgeMs: 60_000 }

/** One frame to be written now. */
export interface Transmission<Item> {
  /** 1, 2, 3 ... */
  readonly seq: number
  readonly item: Item
  /** Milliseconds since the first attempt; `undefined` on the first. */
  readonly ageMs: number | undefined
}

interface Frame<Item> {
  readonly item: Item
  /** With those that it took over. */
  bytes: number
  readonly enqueuedAt: number
  /** Of a kept frame. Another one gets its seq on its first attempt: one that is given up before leaves no hole. */
  readonly seq: number | undefined
  first: { readonly seq: number; readonly at: number } | undefined
  /** Sent more than once: its acknowledgement may name another frame's position. */
  resent: boolean
  /** The server asked on this connection to send it again. */
  refused: boolean
}

/**
 * The frames without a final answer, in order of publishing, and recently acknowledged ones. Pure: time (ms of a
 * monotonic clock) goes in, frames to write come out.
 *
 * Frames before the cursor were sent on this connection. After a temporary refusal nothing more is sent until every
 * frame on its way is answered; then the remaining ones are sent again in order, before anything new. Waiting for the
 * answers costs a round trip and ensures that a connection never carries two copies of a frame: otherwise the second
 * copy could be refused after the first was stored, and the server would wait for a frame that the client has
 * forgotten.
 */
export class Outbox<Item> {
  readonly #limits: OutboxLimits
  readonly #absorb: (item: Item, next: Item) => boolean
  readonly #frames: Frame<Item>[] = []
  readonly #kept = new Kept<Frame<Item>>()
  #cursor = 0
  #refused = 0
  #bytes = 0
  #inFlightBytes = 0
  #nextSeq = 1

  /** @param absorb makes one frame of an item and the next one, neither of which was ever sent; false where it cannot be */
  constructor(limits: OutboxLimits, absorb: (item: Item, next: Item) => boolean = () => false) {
    this.#limits = limits
    this.#absorb = absorb
  }

  get size(): number {
    return this.#frames.length
  }

  /** The oldest seq without a final answer. */
  get lowestSeq(): number | undefined {
    return this.#frames[0]?.first?.seq
  }

  /** When the oldest frame that was never sent becomes too old, if there is one. */
  get expiresAt(): number | undefined {
    // Those before the cursor were sent.
    for (let i = this.#cursor; i < this.#frames.length; i++) {
      const { first, enqueuedAt } = this.#frames[i]!
      if (first === undefined) return enqueuedAt + this.#limits.maxAgeMs
    }
    return undefined
  }

  hasRoom(frames: number, bytes: number): boolean {
    return this.#frames.length + frames <= this.#limits.maxFrames && this.#bytes + bytes <= this.#limits.maxBytes
  }

  /**
   * Takes a frame. The caller MUST have asked `hasRoom`. @param seq larger than all before, with which it is sent
   * @param sentAt of the first attempt of an earlier run
   */
  push(item: Item, bytes: number, now: number, seq?: number, sentAt?: number): void {
    const first = sentAt === undefined ? undefined : { seq: seq!, at: sentAt }
    this.#frames.push({ item, bytes, enqueuedAt: now, seq, first, resent: false, refused: false })
    this.#bytes += bytes
  }

  /** The next frame to write within the grant, if any. It counts as sent from now on. */
  next(now: number, grant: { readonly frames: number; readonly bytes: number }): Transmission<Item> | undefined {
    if (this.#refused > 0) {
      if (this.#refused < this.#cursor) return undefined
      this.#rewind()
    }
    const frame = this.#frames[this.#cursor]
    if (frame === undefined || this.#cursor >= grant.frames) return undefined
    if (this.#cursor > 0 && this.#inFlightBytes + frame.bytes > grant.bytes) return undefined
    if (frame.first === undefined) this.#gather(frame, grant.bytes - this.#inFlightBytes)
    this.#cursor++
    this.#inFlightBytes += frame.bytes
    const ageMs = frame.first && Math.max(0, Math.ceil(now - frame.first.at))
    frame.resent = frame.first !== undefined
    frame.first ??= { seq: frame.seq ?? this.#nextSeq++, at: now }
    return { seq: frame.first.seq, item: frame.item, ageMs }
  }

  /** Takes back an item that was never sent. False when it was, or is not there. */
  withdraw(item: Item): boolean {
    const index = this.#frames.findIndex((frame) => frame.item === item && frame.first === undefined)
    if (index !== -1) this.#remove(index)
    return index !== -1
  }

  /** The frame has its final answer and is forgotten. `undefined` when none was due. */
  finish(seq: number): Item | undefined {
    const index = this.#indexOf(seq)
    return index === -1 ? undefined : this.#remove(index)
  }

  /** The frame was stored and is kept for a while. `undefined` when no answer was due. */
  keep(
    seq: number,
    epochs: ReadonlyMap<number, string>,
    now: number,
  ): { readonly item: Item; readonly resent: boolean } | undefined {
    const index = this.#indexOf(seq)
    const frame = this.#frames[index]
    if (frame === undefined) return undefined
    this.#remove(index)
    this.#kept.add(frame, frame.bytes, epochs, now)
    return frame
  }

  /** Partition -> epoch of the newest kept frame stored there. */
  get keptEpochs(): ReadonlyMap<number, string> {
    return this.#kept.epochs
  }

  /** Kept frames stored under another epoch of the partition may be lost: they are sent again, in their order. */
  restore(partition: number, epoch: string): void {
    for (const frame of this.#kept.take(partition, epoch)) this.#insert(frame)
  }

  /** The frame was refused for now. False when no answer was due: it is forgotten, or will be sent again anyway. */
  refuse(seq: number): boolean {
    const index = this.#indexOf(seq)
    const frame = this.#frames[index]
    if (frame === undefined || index >= this.#cursor || frame.refused) return false
    frame.refused = true
    this.#refused++
    return true
  }

  /** The connection is gone without further answers: all sent frames are sent again, first. */
  disconnected(): void {
    this.#rewind()
  }

  /** Gives up frames that are too old and were never sent; a frame that was sent once is never given up. */
  expire(now: number): Item[] {
    const expired: Item[] = []
    for (let i = this.#frames.length - 1; i >= this.#cursor; i--) {
      const { first, enqueuedAt } = this.#frames[i]!
      if (first === undefined && now - enqueuedAt >= this.#limits.maxAgeMs) expired.unshift(this.#remove(i))
    }
    return expired
  }

  /** Gives up everything. */
  clear(): Item[] {
    this.#rewind()
    this.#bytes = 0
    return this.#frames.splice(0).map(({ item }) => item)
  }

  /** Puts into the frame at the cursor those behind it that fit. */
  #gather(frame: Frame<Item>, maxBytes: number): void {
    const start = this.#cursor + 1
    let end = start
    for (; end < this.#frames.length; end++) {
      const { item, bytes } = this.#frames[end]!
      if (frame.bytes + bytes > maxBytes || !this.#absorb(frame.item, item)) break
      frame.bytes += bytes
    }
    if (end > start) this.#frames.splice(start, end - start)
  }

  #rewind(): void {
    for (let i = 0; i < this.#cursor; i++) this.#frames[i]!.refused = false
    this.#cursor = 0
    this.#refused = 0
    this.#inFlightBytes = 0
  }

  #remove(index: number): Item {
    // The oldest one is answered first, and is a hundred times cheaper to take off by `shift`.
    const frame = index === 0 ? this.#frames.shift() : this.#frames.splice(index, 1)[0]
    const { item, bytes, refused } = frame!
    this.#bytes -= bytes
    if (index < this.#cursor) {
      this.#cursor--
      this.#inFlightBytes -= bytes
      if (refused) this.#refused--
    }
    return item
  }

  /** Puts a frame that was sent before back at its seq. */
  #insert(frame: Frame<Item>): void {
    const seq = frame.first!.seq
    const found = this.#frames.findIndex(({ first }) => first === undefined || first.seq > seq)
    const index = found === -1 ? this.#frames.length : found
    frame.refused = index < this.#cursor
    this.#frames.splice(index, 0, frame)
    this.#bytes += frame.bytes
    if (!frame.refused) return
    // Among frames on their way it counts as refused: it is sent again when all are answered.
    this.#cursor++
    this.#refused++
    this.#inFlightBytes += frame.bytes
  }

  /** Frames are in seq order; frames never sent have none and come last. */
  #indexOf(seq: number): number {
    let low = 0
    let high = this.#frames.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#frames[middle]!.first?.seq ?? Number.POSITIVE_INFINITY
      if (found === seq) return middle
      if (found < seq) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}
