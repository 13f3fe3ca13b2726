import { compareValues } from './compare-values.ts'
import type { Sketch } from './sketch.ts'
import { decodeItems, encodeItems } from './state-text.ts'

const VERSION = 1

/** A list is for looking at a window, and every commit that changes it stores all of it. */
const MAX_VALUES = 10_000

interface Listed {
  /** Grows with every value added to any state of this aggregate. */
  readonly arrival: number
  readonly value: unknown
}

/**
 * The values in order of arrival, those of merged states included; the first 10,000 of them. States from different
 * partitions each count their own arrivals: such lists are shuffled together, always in the same way.
 */
export function list(): Sketch<Listed[]> {
  let arrivals = 0
  return {
    init: () => [],
    add: (state, value = null) => {
      const arrival = arrivals++
      if (state.length < MAX_VALUES) state.push({ arrival, value })
      return state
    },
    merge: (into, from) => [...into, ...from].sort(compareListed).slice(0, MAX_VALUES),
    result: (state) => state.map(({ value }) => value),
    encode: (state) =>
      encodeItems(
        VERSION,
        state.flatMap(({ arrival, value }) => [arrival, value]),
      ),
    decode: (text) => {
      const items = decodeItems('list', VERSION, text)
      const state: Listed[] = []
      for (let at = 0; at < items.length; at += 2) state.push({ arrival: items[at] as number, value: items[at + 1] })
      arrivals = Math.max(arrivals, (state.at(-1)?.arrival ?? -1) + 1)
      return state
    },
  }
}

function compareListed(a: Listed, b: Listed): number {
  return a.arrival - b.arrival || compareValues(a.value, b.value)
}
