import type { Reading } from './reading.ts'

/** Expected content of a window. */
export interface Total {
  readonly sum: number
  readonly max: number
  readonly count: number
}

/** A result as it must be stored. */
export interface ExpectedPane {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly revision: number
  /** `undefined`: a withdrawal. */
  readonly pane: { readonly timing: 'on_time' | 'late'; readonly value: Total } | undefined
}

export function paneId(topic: string, { key, start, revision, pane }: ExpectedPane): string {
  return `${topic}/${key}/${start}/${revision}${pane === undefined ? '/withdrawn' : ''}`
}

export function windowName({ key, start, end }: Pick<ExpectedPane, 'key' | 'start' | 'end'>): string {
  return `${key} ${start} ${end}`
}

/** Of values that are multiples of 1/64: exact in any order. */
export function totalOf(readings: readonly Reading[]): Total {
  return {
    sum: readings.reduce((sum, { v }) => sum + v, 0),
    max: Math.max(...readings.map(({ v }) => v)),
    count: readings.length,
  }
}
