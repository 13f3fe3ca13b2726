import { type Random, uniform } from './random.ts'

interface Reading {
  readonly sensorId: string
  readonly temperature: number
  readonly humidity: number
}

export type Condition =
  | { readonly kind: 'normal' }
  /** A hung sensor: it answers, always with the same reading. */
  | { readonly kind: 'stuck'; readonly reading: Reading; readonly untilMs: number }
  | { readonly kind: 'overheating'; readonly sinceMs: number; readonly untilMs: number }

/** One reading in this many begins a fault. At 30 readings/s of all sensors that is one every two minutes or so. */
const STUCK = { oneIn: 3_000, minMs: 20_000, maxMs: 60_000 }
const OVERHEATING = { oneIn: 4_000, minMs: 60_000, maxMs: 90_000, degC: 18, rampMs: 20_000 }

/** The condition a sensor is in after `time`. `measure` is asked for the reading that a sensor hangs on. */
export function nextCondition(before: Condition, time: number, random: Random, measure: () => Reading): Condition {
  if (before.kind !== 'normal') return time < before.untilMs ? before : { kind: 'normal' }
  if (random() < 1 / STUCK.oneIn) {
    return { kind: 'stuck', reading: measure(), untilMs: time + uniform(random, STUCK.minMs, STUCK.maxMs) }
  }
  if (random() < 1 / OVERHEATING.oneIn) {
    const untilMs = time + uniform(random, OVERHEATING.minMs, OVERHEATING.maxMs)
    return { kind: 'overheating', sinceMs: time, untilMs }
  }
  return before
}

/** degC above the usual: up a ramp, level, and down a ramp. */
export function overheatingBy(condition: Condition, time: number): number {
  if (condition.kind !== 'overheating') return 0
  const ramp = Math.min(time - condition.sinceMs, condition.untilMs - time) / OVERHEATING.rampMs
  return OVERHEATING.degC * Math.min(1, Math.max(0, ramp))
}
