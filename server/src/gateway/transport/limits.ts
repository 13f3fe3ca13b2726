import { LIMITS } from '@tidegate/protocol'

/** Limits of every transport. Those of one implementation are defined beside it. */
export const TRANSPORT_LIMITS = {
  /**
   * Frames up to this are received, so that one over `LIMITS.frameBytes` can be refused with a code; longer ones end
   * the connection.
   */
  frameBytes: 2 * LIMITS.frameBytes,
  /** Bytes of a request's head: an event id of `GET /v1/stream` comes twice, in the query and in a header. */
  headBytes: 4_096,
  /** As for frames: a longer body is read to its end and not kept, so that the client sees why it is refused. */
  bodyBytes: 2 * LIMITS.frameBytes,
  /** A body that is longer still has no end worth waiting for: its connection is cut. */
  discardedBytes: 16 * LIMITS.frameBytes,
  /** How long a body may take: `bodyBytes` at 300 kbit/s. */
  bodyMs: 60_000,
  /**
   * With more than this waiting, a connection accepts no more data: beyond any high-water mark, so that only a bug
   * reaches it.
   */
  bufferedBytes: 4 * 1_024 * 1_024,
  /**
   * A connection that is no socket and no stream is closed after this long without a byte, or without the end of a
   * head.
   */
  idleMs: 10_000,
  /** How long a peer has to accept the close frame before its connection is cut. */
  closeGraceMs: 2_000,
  /** RFC 6455, 5.5: a control frame has at most 125 bytes, two of them are the code. */
  closeReasonBytes: 123,
} as const
