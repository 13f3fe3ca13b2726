import { addSample, decodeSamples, encodeSamples, mergeSamples, type Samples, spanMs, sumOfSteps } from './samples.ts'
import type { Sketch } from './sketch.ts'

/**
 * Increase of a counter per second, from its first sample in the window to its last one. A value below the one before
 * it means that the counter restarted at 0 and has since grown to that value, as in Prometheus
 * (https://prometheus.io/docs/prometheus/latest/querying/functions/#rate); unlike there, nothing is extrapolated to the
 * ends of the window. 0 if all samples have the same time.
 *
 * Beyond 256 samples a reset may be missed, if only a sample reveals it that comes after 128 later ones.
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
