import { compareValues } from './compare-values.ts'
import type { Sketch } from './sketch.ts'
import { decodeItems, encodeItems } from './state-text.ts'

const VERSION = 1

/** The value seen at the time. Before any, the time is infinite. */
interface Seen {
  time: number
  value: unknown
}

/** Value of the event with the least time. Of several, the least value: numbers by size, strings by code units. */
export const first = earliest('first', 1)

/** Value of the event with the largest time. Of several, the largest value. */
export const last = earliest('last', -1)

/** @param sign 1 for the earliest and least, -1 for the latest and largest. */
function earliest(name: string, sign: 1 | -1): Sketch<Seen> {
  const add = (state: Seen, value: unknown, time: number): Seen => {
    const order = sign * (time - state.time) || sign * compareValues(value, state.value)
    if (order < 0) {
      state.time = time
      state.value = value
    }
    return state
  }
  return {
    init: () => ({ time: sign * Number.POSITIVE_INFINITY, value: null }),
    add: (state, value = null, time) => add(state, value, time),
    merge: (into, from) => (Number.isFinite(from.time) ? add(into, from.value, from.time) : into),
    result: ({ value }) => value,
    encode: ({ time, value }) => encodeItems(VERSION, Number.isFinite(time) ? [time, value] : []),
    decode: (text) => {
      const [time = sign * Number.POSITIVE_INFINITY, value = null] = decodeItems(name, VERSION, text)
      return { time: time as number, value }
    },
  }
}
