import type { StoredGenerations, StoredOutbox } from '../entities/index.ts'
import type { SourceStatus } from '../operators/index.ts'

/**
 * Event-time progress of a partition as stored with its state. Numbers are ms; clocks that have not begun are absent.
 */
export interface StoredProgress {
  /** Input topic -> largest event time seen. */
  readonly maxTimes: Readonly<Record<string, number>>
  /** Window -> hash of the definition its state belongs to. */
  readonly versions: Readonly<Record<string, string>>
  /** Window -> watermark. */
  readonly watermarks: Readonly<Record<string, number>>
  /** Window -> where it begins; absent if it has read its inputs from their beginning. */
  readonly begins: Readonly<Record<string, WindowBegin>>
  /** Merged window -> watermark (`null` before the first) and the last report of each source partition. */
  readonly merges: Readonly<Record<string, StoredMergeProgress>>
  /** How far back the answers of commands are known. */
  readonly answers?: StoredGenerations
  /** What entities have sent to others. */
  readonly outbox?: StoredOutbox
}

/** Where a new window joined logs that were read before. Earlier events are left to a backfill. */
export interface WindowBegin {
  /** The first start of its panes, ms. */
  readonly start: number
  /** The offsets at that time: input -> stream id. */
  readonly after: Readonly<Record<string, string>>
}

export interface StoredMergeProgress {
  readonly watermark: number | null
  readonly sources: readonly (readonly [source: number, status: SourceStatus])[]
}

const EMPTY: StoredProgress = { maxTimes: {}, versions: {}, watermarks: {}, begins: {}, merges: {} }

export function decodeProgress(text: string): StoredProgress {
  return text === '' ? EMPTY : { ...EMPTY, ...(JSON.parse(text) as Partial<StoredProgress>) }
}

/** Times by name, without those that have not begun. */
export function begunTimes(times: Iterable<readonly [name: string, time: number]>): Record<string, number> {
  return Object.fromEntries([...times].filter(([, time]) => Number.isFinite(time)))
}

/** Log name -> stream id of the last entry folded. A log of another partition is named `<partition>/<topic>`. */
export type Offsets = Map<string, string>

export function decodeOffsets(text: string): Offsets {
  return new Map(Object.entries(text === '' ? {} : (JSON.parse(text) as Record<string, string>)))
}

export function encodeOffsets(offsets: Offsets): string {
  return JSON.stringify(Object.fromEntries(offsets))
}

/** When an entry was appended, ms. */
export function msOf(streamId: string): number {
  return Number(streamId.slice(0, streamId.indexOf('-')))
}

export const foreignLog = (partition: number, topic: string): string => `${partition}/${topic}`
