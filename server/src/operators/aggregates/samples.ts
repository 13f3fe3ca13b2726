import { checkVersion } from './state-text.ts'

const VERSION = 1
/** Numbers of one sample. */
const WIDTH = 3

/**
 * Limit of samples in a state, since every commit that changes them stores them all. Samples of the last minutes, where
 * events overtake each other, are within the newer half.
 */
const MAX_SAMPLES = 256

/** The contribution of two consecutive samples. `time` in ms. */
type Step = (time: number, value: number, nextTime: number, nextValue: number) => number

/**
 * Samples `time, value, excess` in a row, ordered by time and then by value, without repeats: the material of a sum
 * over steps when events come in any order.
 *
 * At most `MAX_SAMPLES`: beyond, every second sample of the older half is dropped. Its two steps become one, and the
 * `excess` of the sample after it makes up for the difference, so that the sum stays the same. Only a late sample in
 * between is judged without the dropped one.
 */
export type Samples = number[]

/** Values that are not finite numbers are skipped. */
export function addSample(samples: Samples, time: number, value: unknown, step: Step): void {
  if (!Number.isFinite(value)) return
  insert(samples, time, value as number, 0)
  thin(samples, step)
}

export function mergeSamples(into: Samples, from: Samples, step: Step): void {
  for (let at = 0; at < from.length; at += WIDTH) insert(into, from[at]!, from[at + 1]!, from[at + 2]!)
  thin(into, step)
}

/** Sum over all steps, from the first sample to the last one. */
export function sumOfSteps(samples: Samples, step: Step): number {
  let sum = 0
  for (let at = WIDTH; at < samples.length; at += WIDTH) sum += stepBefore(samples, at, step) + samples[at + 2]!
  return sum
}

/** From the first sample to the last one, ms. */
export function spanMs(samples: Samples): number {
  return samples.length === 0 ? 0 : samples.at(-WIDTH)! - samples[0]!
}

/** NaN without samples. */
export function lastValue(samples: Samples): number {
  return samples.at(1 - WIDTH) ?? Number.NaN
}

/** Times as differences, for short text. */
export function encodeSamples(samples: Samples): string {
  const numbers = [VERSION]
  let before = 0
  for (let at = 0; at < samples.length; at += WIDTH) {
    numbers.push(samples[at]! - before, samples[at + 1]!, samples[at + 2]!)
    before = samples[at]!
  }
  return numbers.join(',')
}

export function decodeSamples(what: string, text: string): Samples {
  const [version, ...samples] = text.split(',').map(Number)
  checkVersion(what, VERSION, version)
  for (let at = WIDTH; at < samples.length; at += WIDTH) samples[at]! += samples[at - WIDTH]!
  return samples
}

function insert(samples: Samples, time: number, value: number, excess: number): void {
  let at = samples.length
  while (at > 0 && isAfter(samples, at - WIDTH, time, value)) at -= WIDTH
  const isKnown = at > 0 && samples[at - WIDTH] === time && samples[at - WIDTH + 1] === value
  if (isKnown) samples[at - 1]! += excess
  else if (at === samples.length) samples.push(time, value, excess)
  else samples.splice(at, 0, time, value, excess)
}

function isAfter(samples: Samples, at: number, time: number, value: number): boolean {
  return samples[at]! > time || (samples[at] === time && samples[at + 1]! > value)
}

function thin(samples: Samples, step: Step): void {
  while (samples.length > MAX_SAMPLES * WIDTH) {
    const end = Math.floor(samples.length / WIDTH / 2) * WIDTH
    let to = WIDTH
    let at = 2 * WIDTH
    for (; at < end; at += 2 * WIDTH) {
      const sum =
        stepBefore(samples, at - WIDTH, step) + samples[at - 1]! + stepBefore(samples, at, step) + samples[at + 2]!
      samples[to] = samples[at]!
      samples[to + 1] = samples[at + 1]!
      samples[to + 2] = sum - stepBefore(samples, to, step)
      to += WIDTH
    }
    samples.copyWithin(to, at - WIDTH)
    samples.length -= at - WIDTH - to
  }
}

function stepBefore(samples: Samples, at: number, step: Step): number {
  return step(samples[at - WIDTH]!, samples[at - WIDTH + 1]!, samples[at]!, samples[at + 1]!)
}
