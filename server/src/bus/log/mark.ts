import { compareStreamIds, formatPosition, type Position } from '@tidegate/protocol'

/** A place in the log of one (topic, partition). It stands for every event up to and including it. */
export type Mark = Omit<Position, 'partition'>

/** Index of a mark that covers its whole entry: beyond any event, and the largest the position grammar allows. */
const WHOLE_ENTRY = 999_999
/** Index of a mark between entries: no entry need have its id. */
const BORDER = 999_998
const MAX_SEQUENCE = '18446744073709551615'
/** Sequence of ids made up to lie before all others of a millisecond: by `lastIdBefore`, and by the trim script. */
const BORDER_SEQUENCES = [`-${MAX_SEQUENCE}`, '-999999999']

export function wholeEntry(epoch: string, streamId: string): Mark {
  return { epoch, streamId, index: WHOLE_ENTRY }
}

/** As `wholeEntry`, for an id that no entry need have. */
export function border(epoch: string, streamId: string): Mark {
  return { epoch, streamId, index: BORDER }
}

export function isWholeEntry(mark: Mark): boolean {
  return mark.index >= BORDER
}

/** Whether the mark names a real entry, so that its absence means something. */
export function namesEntry({ streamId, index }: Mark): boolean {
  return index !== BORDER && streamId !== '0-0' && !BORDER_SEQUENCES.some((sequence) => streamId.endsWith(sequence))
}

/** The position string of a mark, as clients see it. */
export function formatMark(partition: number, mark: Mark): string {
  return formatPosition({ partition, ...mark })
}

/** The largest stream id below one that is not `0-0`, whether or not an entry has it. */
export function precedingId(streamId: string): string {
  const dash = streamId.indexOf('-')
  const sequence = BigInt(streamId.slice(dash + 1))
  if (sequence > 0n) return `${streamId.slice(0, dash)}-${sequence - 1n}`
  return lastIdBefore(Number(streamId.slice(0, dash)))
}

/** The largest stream id an entry appended before `timeMs` can have. */
export function lastIdBefore(timeMs: number): string {
  return timeMs <= 0 ? '0-0' : `${timeMs - 1}-${MAX_SEQUENCE}`
}

/** Whether Redis accepts it as a stream id: the position grammar allows larger numbers. */
export function isStreamId(streamId: string): boolean {
  return BigInt(streamId.slice(streamId.indexOf('-') + 1)) <= BigInt(MAX_SEQUENCE)
}

/**
 * Whether entries after the mark may have been trimmed, given the log's trim mark. An entry on the trim mark counts as
 * gone.
 */
export function isTrimmed(mark: Mark, trimmedTo: string): boolean {
  const order = compareStreamIds(mark.streamId, trimmedTo)
  return order < 0 || (order === 0 && !isWholeEntry(mark))
}
