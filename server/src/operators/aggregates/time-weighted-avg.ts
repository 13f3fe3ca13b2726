import {
  addSample,
  decodeSamples,
  encodeSamples,
  lastValue,
  mergeSamples,
  type Samples,
  spanMs,
  sumOfSteps,
} from './samples.ts'
import type { Sketch } from './sketch.ts'

/**
 * Average over time, from the first sample in the window to its last one, of a quantity that keeps each value until the
 * next sample (last observation carried forward). Of several samples of one time the largest value counts. With samples
 * of one time only, that value; NaN without any.
 *
 * Beyond 256 samples, a sample that comes after 128 later ones counts until the next one that was kept.
 */
export const timeWeightedAvg: Sketch<Samples> = {
  init: () => [],
  add: (samples, value, time) => {
    addSample(samples, time, value, area)
    return samples
  },
  merge: (into, from) => {
    mergeSamples(into, from, area)
    return into
  },
  result: (samples) => {
    const span = spanMs(samples)
    return span === 0 ? lastValue(samples) : sumOfSteps(samples, area) / span
  },
  encode: encodeSamples,
  decode: (text) => decodeSamples('timeWeightedAvg', text),
}

function area(time: number, value: number, nextTime: number): number {
  return value * (nextTime - time)
}
