import type { StoredSource } from '../operators/index.ts'

/** Event-time progress of a partition as stored with its state. Numbers are ms; what has not begun is absent. */
export interface StoredProgress {
  /** Input topic -> largest event time seen. */
  readonly maxTimes: Readonly<Record<string, number>>
  /** Window -> watermark. */
  readonly watermarks: Readonly<Record<string, number>>
  /** Merged window -> watermark and what each source partition reported last. */
  readonly merges: Readonly<
    Record<
      string,
      { readonly watermark: number | null; readonly sources: readonly (readonly [number, StoredSource])[] }
    >
  >
}

const EMPTY: StoredProgress = { maxTimes: {}, watermarks: {}, merges: {} }

export function decodeProgress(text: string): StoredProgress {
  return text === '' ? EMPTY : (JSON.parse(text) as StoredProgress)
}

/** Log name -> stream id of the last entry folded. A log of another partition is named `<partition>/<topic>`. */
export type Offsets = Map<string, string>

export function decodeOffsets(text: string): Offsets {
  return new Map(Object.entries(text === '' ? {} : (JSON.parse(text) as Record<string, string>)))
}

export function encodeOffsets(offsets: Offsets): string {
  return JSON.stringify(Object.fromEntries(offsets))
}

export const foreignLog = (partition: number, topic: string): string => `${partition}/${topic}`
