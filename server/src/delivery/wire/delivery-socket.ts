import type { Lane, Position, ServerFrame } from '@tidegate/protocol'
import type { Take } from './batch-frame.ts'

/** Where a frame moves the client that gets it, for sockets that follow it: none has to read what was just written. */
export type Moved =
  /** A frame without events, that says so itself. */
  | { readonly by: 'control'; readonly frame: ServerFrame }
  /** To the ends of these, in order. */
  | { readonly by: 'events'; readonly takes: readonly Take[] }
  /** Nowhere before a snapshot is whole, and then to where its subscription starts. */
  | { readonly by: 'snapshot'; readonly isEnd: boolean }

/** The connection a subscriber's frames are written to. The gateway wraps its transport in it. */
export interface DeliverySocket {
  /**
   * Writes one text frame. The buffer is used again afterwards: an implementation MUST copy what it does not write at
   * once. `dropped` means the frame will not arrive; `buffered` that it is accepted but waits in this process.
   */
  send(frame: Buffer, moved: Moved): 'sent' | 'buffered' | 'dropped'
  /** Bytes accepted and not yet given to the kernel. */
  bufferedBytes(): number
  /** MUST be safe to call more than once. */
  close(code: number, reason: string): void
}

/** Position of the last event of a take, and whose it is. */
export function endOf({ run, to }: Take): { readonly topic: string; readonly lane: Lane; readonly at: Position } {
  const { epoch, streamId, picks, lane } = run
  const { topic, lane: name } = lane.part
  return { topic, lane: name, at: { partition: lane.partition, epoch, streamId, index: picks[to - 1]! } }
}
