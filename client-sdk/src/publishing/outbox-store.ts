import type { TidegateError } from '../errors/errors.ts'
import type { PublishReceipt } from '../errors/publish-receipt.ts'
import type { Greeting, HelloMembers } from '../frames/part.ts'
import type { FrameBody } from './publish-frames.ts'

/** A frame of an earlier run without a final answer. */
export interface RestoredFrame {
  readonly seq: number
  readonly body: FrameBody
  /** Since it was kept. */
  readonly ageMs: number
  /** Since it may have been sent first; `undefined`: it never was. */
  readonly sentMsAgo: number | undefined
  /** To be called with what becomes of its events. */
  watch(receipt: Promise<PublishReceipt>): void
}

/** Callbacks of a store to the client that uses it. */
export interface OutboxHost {
  /** Fewer frames are unwritten. */
  written(): void
  report(error: TidegateError): void
}

/**
 * Keeps frames over restarts, for one client at a time. A client sends a frame only after it was written with its seq and
 * content, so that the next run can send it again as the same one.
 */
export interface OutboxStore {
  /**
   * Called once, before anything else. @param producer of the options, if they name one
   * @returns the frames of earlier runs, in order @throws TidegateError `store_in_use`
   */
  use(host: OutboxHost, producer: string | undefined): readonly RestoredFrame[]
  /** Names the producer, and the sequence and session after those in which kept frames were sent. */
  hello(greeting: Greeting): HelloMembers
  /** A connection was greeted: frames may be sent in this sequence. @param aheadMs of the server's clock before the one on the wall */
  greeted(sequence: string | undefined, aheadMs: number): void
  offline(): void
  /** So many of the newest frames are not written yet; all of them while the greeting is not. */
  readonly unwritten: number
  /**
   * Keeps the frames of a call. @param time for events without one, if the clock of the server is known
   * @param failed called later with `store_failed`: they MUST NOT be sent
   * @returns seq of the first one @throws TidegateError `store_failed`: nothing was kept
   */
  keep(bodies: readonly FrameBody[], time: number | undefined, failed: (error: TidegateError) => void): number
  /** For events of a kept frame that have no time: the same with every attempt. */
  time(seq: number): number
  /** The frame has its final answer, or was given up. */
  settled(seq: number): void
  /** Its frames stay for the next run. Idempotent. */
  close(): void
}
