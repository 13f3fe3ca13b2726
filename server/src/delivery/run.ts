import { bytesOf, copyEvents, type EncodedEvents, type Picks } from './encoded-events.ts'
import type { Entry } from './entry.ts'
import type { FeedLane } from './feed.ts'
import type { Mark } from './mark.ts'

/** Below this share of an entry, what a waiting run still needs is copied out, so that it does not pin the entry. */
const SPARSE_SHARE = 0.25

/** Consecutive events of one entry for one feed lane, waiting in a queue. The bytes are the entry's own. */
export interface Run {
  readonly kind: 'run'
  readonly lane: FeedLane
  readonly epoch: string
  readonly streamId: string
  /** Event indexes in the entry. */
  picks: Picks
  encoded: EncodedEvents
  /** Where the picks lie in `encoded`: the same array, unless they were copied out. */
  slots: Picks
  /** First pick that has not been handed to the socket. */
  next: number
  /** Encoded bytes from `next` on, a comma after each event. */
  bytes: number
  /** Whether `copyOutIfSparse` has looked at it. */
  settled: boolean
}

export function openRun(lane: FeedLane, entry: Entry, picks: Picks): Run {
  const { encoded, epoch, streamId } = entry
  const bytes = bytesOf(encoded, picks, 0, picks.length)
  return { kind: 'run', lane, epoch, streamId, picks, encoded, slots: picks, next: 0, bytes, settled: false }
}

export function eventsLeft(run: Run): number {
  return run.picks.length - run.next
}

/** Position of a pick. */
export function markAt(run: Run, pick: number): Mark {
  return { epoch: run.epoch, streamId: run.streamId, index: run.picks[pick]! }
}

/** Releases the entry if the run needs only a small part of it: a session holding one event of each entry pinned a hundredfold. */
export function copyOutIfSparse(run: Run): void {
  run.settled = true
  if (run.bytes >= run.encoded.bytes.length * SPARSE_SHARE) return
  const { encoded, slots, next } = run
  const bytes = Buffer.allocUnsafeSlow(run.bytes)
  const count = eventsLeft(run)
  copyEvents(encoded, slots, next, slots.length, bytes, 0)
  const starts = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) starts[i + 1] = starts[i]! + bytesOf(encoded, slots, next + i, next + i + 1)
  run.encoded = { bytes, starts }
  run.picks = run.picks.slice(next)
  run.slots = run.picks.map((_, slot) => slot)
  run.next = 0
}
