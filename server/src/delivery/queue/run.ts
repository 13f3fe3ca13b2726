import type { Mark } from '../../bus/index.ts'
import {
  type Arrival,
  addWithheld,
  bytesOf,
  copyEvents,
  type EncodedEvents,
  type Entry,
  isNone,
  moveWithheld,
  noneWithheld,
  type Picks,
  type Withheld,
} from '../wire/index.ts'
import type { FeedLane } from './feed-lane.ts'

/** Below this needed share of an entry, a waiting run copies its events out, so that it does not pin the entry. */
const SPARSE_SHARE = 0.25

/** Shared by all runs without withheld events: there may be millions. */
const NOTHING: readonly undefined[] = []

/** The queue of a run. */
export interface RunQueue {
  /** Events of its front run up to pick `to` (exclusive), `bytes` in all, were handed to the socket. */
  delivered(run: Run, to: number, bytes: number): void
}

/** Events of one entry for one feed lane, ascending, waiting in a queue. The bytes are the entry's own. */
export interface Run {
  readonly kind: 'run'
  readonly queue: RunQueue
  readonly lane: FeedLane
  readonly epoch: string
  readonly streamId: string
  /** Event indexes in the entry. */
  picks: Picks
  encoded: EncodedEvents
  /** Where the picks lie in `encoded` and `keys`: the same array, unless the events were copied out. */
  slots: Picks
  keys: readonly string[]
  /** Of live events. */
  readonly arrival: Arrival | undefined
  /** First pick that was not handed to the socket. */
  next: number
  /** Encoded bytes from `next` on, a comma after each event. */
  bytes: number
  /** By pick, the events withheld between it and the pick before, reported with it. Empty while there are none. */
  withheld: readonly (Withheld | undefined)[]
  /** Whether the run outlived a flush and was checked for sparseness. */
  isAged: boolean
}

/** @param encoded the events of the entry, all that their receiver may see of them */
export function openRun(
  queue: RunQueue,
  lane: FeedLane,
  { epoch, streamId, header, arrival }: Entry,
  picks: Picks,
  encoded: EncodedEvents,
): Run {
  const bytes = bytesOf(encoded, picks, 0, picks.length)
  const run: Run = {
    kind: 'run',
    queue,
    lane,
    epoch,
    streamId,
    picks,
    encoded,
    slots: picks,
    keys: header.keys,
    arrival,
    next: 0,
    bytes,
    withheld: NOTHING,
    isAged: false,
  }
  if (!isNone(lane.trailing)) moveWithheld(lane.trailing, withheldBefore(run))
  return run
}

export function eventsLeft(run: Run): number {
  return run.picks.length - run.next
}

/** Position of a pick. */
export function markAt(run: Run, pick: number): Mark {
  return { epoch: run.epoch, streamId: run.streamId, index: run.picks[pick]! }
}

export function keyAt(run: Run, pick: number): string {
  return run.keys[run.slots[pick]!]!
}

/** The count of events withheld before everything of the run that waits. */
export function withheldBefore(run: Run): Withheld {
  const there = run.withheld[run.next]
  if (there !== undefined) return there
  const withheld = run.withheld.slice()
  withheld[run.next] = noneWithheld()
  run.withheld = withheld
  return withheld[run.next]!
}

/**
 * Keeps the waiting picks for which `keep` is true, asked from the last to the first, and counts the others as
 * withheld.
 *
 * @returns how many it removed, and the count withheld behind the last pick it kept
 */
export function thinRun(
  run: Run,
  fate: keyof Withheld,
  keep: (run: Run, pick: number) => boolean,
): { readonly removed: number; readonly trailing: Withheld } {
  const kept: number[] = []
  const withheld: Withheld[] = []
  const trailing = noneWithheld()
  let later = trailing
  for (let pick = run.picks.length - 1; pick >= run.next; pick--) {
    if (keep(run, pick)) {
      kept.push(pick)
      later = noneWithheld()
      withheld.push(later)
    } else later[fate]++
    const before = run.withheld[pick]
    if (before !== undefined) addWithheld(before, later)
  }
  const removed = eventsLeft(run) - kept.length
  if (removed === 0) return { removed, trailing }
  kept.reverse()
  const slots = kept.map((pick) => run.slots[pick]!)
  run.picks = run.slots === run.picks ? slots : kept.map((pick) => run.picks[pick]!)
  run.slots = slots
  run.withheld = withheld.reverse()
  run.next = 0
  run.bytes = bytesOf(run.encoded, slots, 0, slots.length)
  return { removed, trailing }
}

/**
 * Whether the run pins an entry of which it needs only a small part: a session with one event of each pinned a hundred
 * times as much.
 */
export function isSparse(run: Run): boolean {
  return run.bytes < run.encoded.bytes.length * SPARSE_SHARE
}

/** Makes the run refer to a copy of its events. */
export function copyOut(run: Run): void {
  const { encoded, slots, keys, next } = run
  const bytes = Buffer.allocUnsafeSlow(run.bytes)
  const count = eventsLeft(run)
  copyEvents(encoded, slots, next, slots.length, bytes, 0)
  const starts = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) starts[i + 1] = starts[i]! + bytesOf(encoded, slots, next + i, next + i + 1)
  run.encoded = { bytes, starts, pins: 0 }
  run.picks = run.picks.slice(next)
  if (run.withheld !== NOTHING) run.withheld = run.withheld.slice(next)
  run.keys = slots.slice(next).map((slot) => keys[slot]!)
  run.slots = run.picks.map((_, slot) => slot)
  run.next = 0
}
