import { addSample, decodeSamples, encodeSamples, mergeSamples, type Samples, spanMs, sumOfSteps } from './samples.ts'
import type { Sketch } from './sketch.ts'

/**
 * Increase of a counter a second, from its first sample in the window to its last one. A value below the one before it
 * means that the counter began again at 0 and has come to that value since, as Prometheus counts it
 * (https://prometheus.io/docs/prometheus/latest/querying/functions/#rate); unlike there, nothing is extrapolated to the
 * ends of the window. 0 with samples of one time only.
 *
 * Beyond 256 samples only resets can be missed, and only such as a sample reveals that comes after 128 later ones.
 */
export const rate: Sketch<Samples> = {
  init: () => [],
  add: (samples, value, time) => {
    addSample(samples, time, value, increase)
    return samples
  },
  merge: (into, from) => {
    mergeSamples(into, from, increase)
    return into
  },
  result: (samples) => {
    const span = spanMs(samples)
    return span === 0 ? 0 : (sumOfSteps(samples, increase) / span) * 1_000
  },
  encode: encodeSamples,
  decode: (text) => decodeSamples('rate', text),
}

function increase(_time: number, value: number, _nextTime: number, nextValue: number): number {
  return nextValue >= value ? nextValue - value : nextValue
}
