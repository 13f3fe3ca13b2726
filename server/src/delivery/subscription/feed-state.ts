import { compareStreamIds } from '@tidegate/protocol'
import { border, isWholeEntry, lastIdBefore, type Mark, precedingId, wholeEntry } from '../../bus/index.ts'
import type { Entry } from '../wire/index.ts'

/**
 * How far a replay goes back when the log's epoch is not the subscriber's: if the clock of the Redis that took over is
 * behind, entries of the new epoch have smaller ids than the subscriber's position. A lag of this size is not unusual.
 */
const REWIND_MS = 60_000

/** Entries of the first page of a replay; later pages follow from the size of these. */
const FIRST_PAGE_ENTRIES = 8

/** A feed either reads the log itself, or is offered what the tail reads. */
export type FeedState = Replaying | Live

/**
 * Reading the log page by page: everything before `after`, an entry of `epoch`, was offered, and `after` itself unless
 * `inclusive`.
 */
export interface Replaying {
  readonly kind: 'replaying'
  after: string
  epoch: string
  /** Of the entries that were read. */
  epochs: readonly string[]
  /** Whether it began before positions of the subscriber. */
  readonly isRewound: boolean
  inclusive: boolean
  pageEntries: number
  /** When it stops waiting for room: from then on, what does not fit becomes a gap. */
  readonly waitsUntil: number
}

/** Offered every entry in the turn in which the tail reads it. */
export interface Live {
  readonly kind: 'live'
  /** What a replay offered that was ahead of the tail: entries of these epochs, in the order of the log. */
  readonly replayed: { readonly upTo: string; readonly epochs: readonly string[] } | undefined
}

export const LIVE: Live = { kind: 'live', replayed: undefined }
const NO_EPOCHS: readonly string[] = []

/** Begins at the earliest of the starts, or before it where the log's epoch is another. */
export function replayFromStarts(starts: readonly Mark[], epoch: string): Replaying {
  let after: string | undefined
  let inclusive = false
  for (const mark of starts) {
    const sameEpoch = mark.epoch === epoch
    const id = sameEpoch ? mark.streamId : lastIdBefore(Number(mark.streamId.split('-')[0]) - REWIND_MS)
    const order = after === undefined ? -1 : compareStreamIds(id, after)
    if (order < 0) {
      after = id
      inclusive = false
    }
    if (order <= 0) inclusive ||= sameEpoch && !isWholeEntry(mark)
  }
  return {
    kind: 'replaying',
    after: after!,
    epoch,
    epochs: NO_EPOCHS,
    isRewound: starts.some((start) => start.epoch !== epoch),
    inclusive,
    pageEntries: FIRST_PAGE_ENTRIES,
    waitsUntil: Number.POSITIVE_INFINITY,
  }
}

/** Begins behind an entry up to which everything was offered. */
export function replayBehind({ streamId, epoch }: Pick<Entry, 'streamId' | 'epoch'>, waitsUntil: number): Replaying {
  return {
    kind: 'replaying',
    after: streamId,
    epoch,
    epochs: NO_EPOCHS,
    isRewound: false,
    inclusive: false,
    pageEntries: FIRST_PAGE_ENTRIES,
    waitsUntil,
  }
}

/** Whether a replay has read further than a tail at `cursor`. */
export function isAheadOf({ inclusive, after }: Replaying, cursor: string): boolean {
  return !inclusive && compareStreamIds(after, cursor) > 0
}

/** What a replay becomes that goes live where the tail is at `cursor`. */
export function liveAfter(replay: Replaying, cursor: string): Live {
  const { after, epochs } = replay
  // A position that never was may lie beyond all entries: nothing was read, and whatever comes is new.
  if (epochs.length === 0 || !isAheadOf(replay, cursor)) return LIVE
  return { kind: 'live', replayed: { upTo: after, epochs } }
}

/** Up to where a feed was offered everything. @param tail what the tail has read */
export function reachedIn(state: FeedState, tail: Mark): Mark {
  if (state.kind === 'replaying') {
    const { epoch, after, inclusive } = state
    return inclusive ? border(epoch, precedingId(after)) : wholeEntry(epoch, after)
  }
  const { replayed } = state
  if (replayed === undefined || !wasReplayedBeyond(state, tail.streamId)) return tail
  return wholeEntry(replayed.epochs.at(-1)!, replayed.upTo)
}

/** Whether a replay was ahead of the tail, and the tail is not beyond its end yet. */
export function wasReplayedBeyond(state: FeedState, streamId: string): boolean {
  return state.kind === 'live' && state.replayed !== undefined && compareStreamIds(state.replayed.upTo, streamId) > 0
}

/** Whether a replay that was ahead of the tail has offered this entry. */
export function wasReplayed(state: FeedState, { epoch, streamId }: Pick<Entry, 'epoch' | 'streamId'>): boolean {
  const replayed = state.kind === 'live' ? state.replayed : undefined
  return replayed?.epochs.includes(epoch) === true && compareStreamIds(streamId, replayed.upTo) <= 0
}

export function withEpoch(epochs: readonly string[], epoch: string): readonly string[] {
  return epochs.includes(epoch) ? epochs : [...epochs, epoch]
}
