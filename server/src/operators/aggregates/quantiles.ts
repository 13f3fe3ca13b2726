import { quantileName } from '../../config/contract/quantile-name.ts'
import { Bins } from './bins.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import type { Sketch } from './sketch.ts'

const VERSION = 1

const RELATIVE_ERROR = 0.01
/** Upper border of a bin over its lower one. */
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)

interface Distribution {
  /** Bins of the magnitudes of positive and of negative values. */
  readonly positive: Bins
  readonly negative: Bins
  zeros: number
  min: number
  max: number
}

/**
 * Quantiles by DDSketch (Masson, Rim and Lee, DDSketch: a fast and fully-mergeable quantile sketch with relative-error
 * guarantees, 2019): for quantile `q` of `n` values a number within 1 % of the value of rank `floor(q * (n - 1))`,
 * counted from 0 in ascending order; exact for the least and the largest value. Values that are not finite numbers are
 * skipped; without any others all quantiles are NaN.
 *
 * Positive and negative values have 2,048 bins each. Only values 17 orders of magnitude nearer to zero than the
 * furthest of their sign share the last bin, and may be off by more.
 *
 * Binary form: version, zeros, min, max, then the bins of positive and of negative values.
 *
 * @returns a sketch whose result is `{ p50, p99, ... }`, one for each of `at`, numbers from 0 to 1.
 */
export function quantiles(at: readonly number[]): Sketch<Distribution> {
  return {
    init: () => ({
      positive: new Bins(),
      negative: new Bins(),
      zeros: 0,
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
    }),
    add: (state, value) => {
      if (!Number.isFinite(value)) return state
      const number = value as number
      if (number > 0) state.positive.add(binOf(number), 1)
      else if (number < 0) state.negative.add(binOf(-number), 1)
      else state.zeros++
      if (number < state.min) state.min = number
      if (number > state.max) state.max = number
      return state
    },
    merge: (into, from) => {
      into.positive.merge(from.positive)
      into.negative.merge(from.negative)
      into.zeros += from.zeros
      into.min = Math.min(into.min, from.min)
      into.max = Math.max(into.max, from.max)
      return into
    },
    result: (state) => {
      const values = ascending(state)
      return Object.fromEntries(at.map((quantile) => [quantileName(quantile), valueOfRank(quantile, values, state)]))
    },
    encode: ({ positive, negative, zeros, min, max }) => {
      const bytes = new ByteWriter(VERSION)
      bytes.varint(zeros)
      bytes.float64(min)
      bytes.float64(max)
      positive.write(bytes)
      negative.write(bytes)
      return bytes.toBase64()
    },
    decode: (text) => {
      const bytes = new ByteReader('quantiles', VERSION, text)
      const [zeros, min, max] = [bytes.varint(), bytes.float64(), bytes.float64()]
      return { zeros, min, max, positive: Bins.read(bytes), negative: Bins.read(bytes) }
    },
  }
}

/** Number of the bin `(gamma^(n-1), gamma^n]` that holds a magnitude. */
function binOf(magnitude: number): number {
  return Math.ceil(Math.log(magnitude) / LOG_GAMMA)
}

/** The number within 1 % of everything in a bin. As two factors: the upper border of the last bin overflows. */
function middleOf(bin: number): number {
  return Math.exp((bin - 1) * LOG_GAMMA) * ((2 * GAMMA) / (GAMMA + 1))
}

type Values = readonly (readonly [value: number, count: number])[]

function ascending({ positive, negative, zeros }: Distribution): Values {
  const below = negative.ascending().reverse()
  return [
    ...below.map(([bin, count]) => [-middleOf(bin), count] as const),
    [0, zeros],
    ...positive.ascending().map(([bin, count]) => [middleOf(bin), count] as const),
  ]
}

function valueOfRank(quantile: number, values: Values, { min, max }: Distribution): number {
  const total = values.reduce((sum, [, count]) => sum + count, 0)
  const rank = Math.floor(quantile * (total - 1))
  if (total === 0) return Number.NaN
  if (rank === 0) return min
  if (rank === total - 1) return max
  let before = 0
  const found = values.find(([, count]) => {
    before += count
    return before > rank
  })
  return Math.min(Math.max(found![0], min), max)
}
