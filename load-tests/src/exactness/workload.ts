import { createRandom } from '../support/random.ts'

export const WINDOW_MS = 10_000
const DISORDER_MS = 2_000
/** Events of one frame. */
const FRAME_EVENTS = 25

export interface ReadingEvent {
  readonly id: string
  readonly time: number
  readonly data: { readonly sensorId: string; readonly temperature: number; readonly humidity: number }
}

/**
 * Seeded sensor readings whose times spread evenly over `[from, to)`, shuffled by up to 2 s. Temperatures are multiples
 * of 1/64: sums of them are exact in any order, so results can be compared for equality.
 */
export function createReadings(options: {
  readonly seed: number
  readonly count: number
  readonly sensors: number
  readonly from: number
  readonly to: number
}): ReadingEvent[] {
  const { seed, count, sensors, from, to } = options
  const random = createRandom(seed)
  const step = (to - from) / count
  const placed = Array.from({ length: count }, (_, n) => {
    const time = Math.floor(from + n * step)
    const temperature = Math.floor(random() * 64 * 60) / 64 - 20
    const event = {
      id: `e-${n}`,
      time,
      data: { sensorId: `s-${Math.floor(random() * sensors)}`, temperature, humidity: n % 100 },
    }
    return { event, sendAt: time + random() * DISORDER_MS }
  })
  return placed.sort((a, b) => a.sendAt - b.sendAt).map(({ event }) => event)
}

export function framesOf(events: readonly ReadingEvent[]): ReadingEvent[][] {
  const frames: ReadingEvent[][] = []
  for (let i = 0; i < events.length; i += FRAME_EVENTS) frames.push(events.slice(i, i + FRAME_EVENTS))
  return frames
}

export interface ExpectedPane {
  readonly avg: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** The expected final content of every window: pane by `<key> <start>`, recomputed from the events alone. */
export function expectedPanes(
  events: readonly ReadingEvent[],
  keyOf: (event: ReadingEvent) => string,
): Map<string, ExpectedPane> {
  const sums = new Map<string, { sum: number; min: number; max: number; count: number }>()
  for (const event of events) {
    const key = `${keyOf(event)} ${Math.floor(event.time / WINDOW_MS) * WINDOW_MS}`
    const { temperature } = event.data
    const known = sums.get(key)
    if (known === undefined) sums.set(key, { sum: temperature, min: temperature, max: temperature, count: 1 })
    else {
      known.sum += temperature
      known.min = Math.min(known.min, temperature)
      known.max = Math.max(known.max, temperature)
      known.count++
    }
  }
  return new Map([...sums].map(([key, { sum, min, max, count }]) => [key, { avg: sum / count, min, max, count }]))
}

export const isHot = (event: ReadingEvent): boolean => event.data.temperature * 1.8 + 32 > 80
