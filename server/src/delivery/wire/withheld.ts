import type { WithheldCounts } from '@tidegate/protocol'

/** Events withheld in favour of others. */
export interface Withheld {
  conflated: number
  sampled: number
}

/** Waiting events, and by pick the events withheld between it and the pick before. */
export interface Thinned {
  /** First pick that waits. */
  readonly next: number
  /** Empty while nothing was withheld. */
  readonly withheld: readonly (Withheld | undefined)[]
}

export function noneWithheld(): Withheld {
  return { conflated: 0, sampled: 0 }
}

export function isNone({ conflated, sampled }: Withheld): boolean {
  return conflated === 0 && sampled === 0
}

export function addWithheld(more: Withheld, to: Withheld): void {
  to.conflated += more.conflated
  to.sampled += more.sampled
}

/** Moves one count into another. */
export function moveWithheld(from: Withheld, to: Withheld): void {
  addWithheld(from, to)
  from.conflated = 0
  from.sampled = 0
}

/** Events withheld before the waiting picks up to `to` (exclusive). */
export function sumWithheld({ next, withheld }: Thinned, to: number): Withheld {
  const sum = noneWithheld()
  for (let pick = next; pick < to && pick < withheld.length; pick++) {
    const before = withheld[pick]
    if (before !== undefined) addWithheld(before, sum)
  }
  return sum
}

/** As in a frame. */
export function countsOf({ conflated, sampled }: Withheld): WithheldCounts {
  return { ...(conflated > 0 && { conflated }), ...(sampled > 0 && { sampled }) }
}
