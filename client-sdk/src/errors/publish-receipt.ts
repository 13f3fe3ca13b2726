import type { RejectedEvent } from '@tidegate/protocol'

export interface PublishReceipt {
  /** Position of the last stored event in each partition concerned, of the frame: calls of one turn to one topic share it. */
  readonly at: readonly string[]
  /** Events that were not stored, by their index in the call. The others were. */
  readonly rejected: readonly RejectedEvent[]
  /** Everything had been stored before. */
  readonly duplicate: boolean
}
