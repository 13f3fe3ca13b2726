import type { Lane, Position, ServerFrame } from '@tidegate/protocol'
import type { Take } from './batch-frame.ts'

/**
 * Where a frame moves the client's position, for sockets that track it: none has to parse a frame that was just
 * written.
 */
export type Moved =
  /** A frame without events, which carries its positions itself. */
  | { readonly by: 'control'; readonly frame: ServerFrame }
  /** Nowhere: an answer to a command or a publish, which event streams have none of. */
  | { readonly by: 'answer' }
  /** To the ends of these takes, in order. */
  | { readonly by: 'events'; readonly takes: readonly Take[] }
  /** Nowhere until a snapshot is complete, then to the start of its subscription. */
  | { readonly by: 'snapshot'; readonly isEnd: boolean }

/** An answer as JSON: one from the log is not written anew, and an acknowledgement costs less so. */
export type EncodedFrame = string

/** The connection a subscriber's frames are written to. The gateway wraps its transport in it. */
export interface DeliverySocket {
  /**
   * Writes one text frame. The buffer is reused: an implementation MUST copy what it does not write at once. `dropped`
   * means the frame will not arrive; `buffered` that it is accepted but waits in this process.
   */
  send(frame: Buffer, moved: Moved): 'sent' | 'buffered' | 'dropped'
  /** What is sent inside leaves in as few writes as possible; only then does `bufferedBytes` count what waits of it. */
  together(sends: () => void): void
  /** Bytes accepted and not yet given to the kernel. */
  bufferedBytes(): number
  /** MUST be safe to call more than once. */
  close(code: number, reason: string): void
}

/** Position of the last event of a take, and its feed. */
export function endOf({ run, to }: Take): { readonly topic: string; readonly lane: Lane; readonly at: Position } {
  const { epoch, streamId, picks, lane } = run
  const { topic, lane: name } = lane.part
  return { topic, lane: name, at: { partition: lane.partition, epoch, streamId, index: picks[to - 1]! } }
}
