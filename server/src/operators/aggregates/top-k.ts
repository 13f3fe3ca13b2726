import type { AggregateSpec } from '../../config/contract/model.ts'
import type { Counter } from './counter-heap.ts'
import { parseField, readField } from './field.ts'
import { SignedSpaceSaving } from './signed-space-saving.ts'
import type { Sketch } from './sketch.ts'
import { checkVersion, encodeItems } from './state-text.ts'

/** Of states without negative weights: three items for each counter. */
const UNSIGNED = 1
/** Behind the number of counters of what was added: those, then those of what was taken away. */
const SIGNED = 2

/** Keeps the error of every count below 0.2 % of the total. */
const MIN_COUNTERS = 512
const COUNTERS_PER_RANK = 4

/**
 * The `k` values with the most events, or with the largest sums of the field `by`. A negative weight is subtracted, as a
 * refund is; values whose sum is not above 0 are left out. The result is `{ value, count, error }[]`, largest first: the
 * sum is at least `count - error` and at most `count`. With a total `N` of all weights, their signs apart, and `m`
 * counters, `max(512, 4 k)`, an error is at most `N / m`, and none with at most `m` different values. Equal counts rank by
 * the smaller error, then by the lesser value.
 */
export function topK({ field: path, k, by }: Extract<AggregateSpec, { fn: 'topK' }>): Sketch<SignedSpaceSaving> {
  // Absent in command-line replays: the data itself is the value.
  const field = path === undefined ? undefined : parseField(path)
  const weight = by === undefined ? undefined : parseField(by)
  const capacity = Math.max(MIN_COUNTERS, COUNTERS_PER_RANK * k)
  return {
    init: () => new SignedSpaceSaving(capacity),
    add: (state, data) => {
      const added = weight === undefined ? 1 : readField(data, weight)
      if (Number.isFinite(added)) state.add(readField(data, field) ?? null, added as number)
      return state
    },
    merge: (into, from) => into.merge(from),
    result: (state) =>
      state
        .ranked()
        .slice(0, k)
        .map(({ value, count, error }) => ({ value, count, error })),
    encode: ({ added, taken }) =>
      taken.length === 0
        ? encodeItems(UNSIGNED, added.flatMap(itemsOf))
        : encodeItems(SIGNED, [added.length, ...[...added, ...taken].flatMap(itemsOf)]),
    decode: (text) => {
      const [version, ...items] = JSON.parse(text) as [number, ...unknown[]]
      if (version === UNSIGNED) return new SignedSpaceSaving(capacity, countersOf(items))
      checkVersion('topK', SIGNED, version)
      const [count, ...rest] = items
      const counters = countersOf(rest)
      return new SignedSpaceSaving(capacity, counters.slice(0, count as number), counters.slice(count as number))
    },
  }
}

function itemsOf({ value, count, error }: Counter): unknown[] {
  return [value, count, error]
}

function countersOf(items: readonly unknown[]): Counter[] {
  const counters: Counter[] = []
  for (let at = 0; at < items.length; at += 3) {
    counters.push({ value: items[at], count: items[at + 1] as number, error: items[at + 2] as number })
  }
  return counters
}
