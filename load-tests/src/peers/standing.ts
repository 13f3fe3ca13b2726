import type { PeerFigures } from './workload.ts'

/** How one subject's figure stands among those of all. */
export interface Standing {
  readonly figure: string
  readonly value: number
  /** 1: nobody is better. */
  readonly rank: number
  readonly of: number
  readonly best: number
  readonly bestBy: string
}

/** Where a subject stands in each figure that is compared. Void rows do not count. */
export function standingOf(
  subject: string,
  rows: Readonly<Record<string, PeerFigures>>,
  compared: Readonly<Record<string, 'more' | 'less'>>,
): Standing[] {
  const counting = Object.entries(rows).filter(([, row]) => row.void === undefined)
  const own = counting.find(([name]) => name === subject)?.[1]
  if (own === undefined) return []
  return Object.entries(compared).map(([figure, better]) => {
    const sign = better === 'more' ? -1 : 1
    const ordered = counting
      .map(([name, row]) => ({ name, value: Number(row[figure]) }))
      .sort((a, b) => sign * (a.value - b.value))
    const value = Number(own[figure])
    const { name: bestBy, value: best } = ordered[0]!
    const rank = 1 + ordered.filter((other) => sign * (other.value - value) < 0).length
    return { figure, value, rank, of: ordered.length, best, bestBy }
  })
}
