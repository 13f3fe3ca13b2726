import type { AggregateSpec } from '../../config/model.ts'
import type { Counter } from './counter-heap.ts'
import { parseField, readField } from './field.ts'
import type { Sketch } from './sketch.ts'
import { SpaceSaving } from './space-saving.ts'
import { decodeItems, encodeItems } from './state-text.ts'

const VERSION = 1

/** Keeps the error of every count below 0.2 % of the total. */
const MIN_COUNTERS = 512
const COUNTERS_PER_RANK = 4

/**
 * The `k` values with the most events, or with the largest sum of the field `by`; weights that are not above 0 are left
 * out. The result is `{ value, count, error }[]`, largest first: the value was seen at least `count - error` and at
 * most `count`. With a total of `N` and `m` counters, `max(512, 4 k)`, an error is at most `N / m`, and none with at
 * most `m` different values. Equal counts rank by the smaller error, then by the lesser value.
 */
export function topK({ field: path, k, by }: Extract<AggregateSpec, { fn: 'topK' }>): Sketch<SpaceSaving> {
  // Absent in command-line replays: the data itself is the value.
  const field = path === undefined ? undefined : parseField(path)
  const weight = by === undefined ? undefined : parseField(by)
  const capacity = Math.max(MIN_COUNTERS, COUNTERS_PER_RANK * k)
  return {
    init: () => new SpaceSaving(capacity),
    add: (state, data) => {
      const added = weight === undefined ? 1 : readField(data, weight)
      if (Number.isFinite(added) && (added as number) > 0) state.add(readField(data, field) ?? null, added as number)
      return state
    },
    merge: (into, from) => into.merge(from),
    result: (state) =>
      state
        .ranked()
        .slice(0, k)
        .map(({ value, count, error }) => ({ value, count, error })),
    encode: (state) =>
      encodeItems(
        VERSION,
        state.ranked().flatMap(({ value, count, error }) => [value, count, error]),
      ),
    decode: (text) => {
      const items = decodeItems('topK', VERSION, text)
      const counters: Counter[] = []
      for (let at = 0; at < items.length; at += 3) {
        counters.push({ value: items[at], count: items[at + 1] as number, error: items[at + 2] as number })
      }
      return new SpaceSaving(capacity, counters)
    },
  }
}
