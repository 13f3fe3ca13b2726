import { randomNumbers } from './random.ts'

const MACHINES = ['press', 'oven'] as const
const DAYS = 28
const STEP_MS = 5 * 60_000
const HOUR_MS = 60 * 60_000
const START_MS = Date.UTC(2013, 9, 7)
/** In the night in which the clocks are set back. */
const SET_BACK_MS = Date.UTC(2013, 9, 27, 3)

interface Reading {
  readonly time: number
  readonly machineId: string
  readonly celsius: number
}

/** What a window of one machine should come to. */
export interface Hour {
  readonly key: string
  readonly start: number
  readonly avg: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** Temperatures every five minutes, as those of the Numenta Anomaly Benchmark; once their clock is set back by an hour. */
export function machineReadings(): readonly Reading[] {
  const random = randomNumbers(14)
  const readings: Reading[] = []
  for (let step = 0; step < (DAYS * 24 * HOUR_MS) / STEP_MS; step++) {
    const passed = START_MS + step * STEP_MS
    const time = passed < SET_BACK_MS ? passed : passed - HOUR_MS
    for (const [n, machineId] of MACHINES.entries()) {
      const celsius = Math.round((70 + 20 * n + 15 * Math.sin(step / 50) + 8 * random()) * 1e6) / 1e6
      readings.push({ time, machineId, celsius })
    }
  }
  return readings
}

export function csvOf(readings: readonly Reading[]): string {
  const lines = readings.map(
    ({ time, machineId, celsius }) =>
      `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')},${machineId},${celsius}`,
  )
  return ['timestamp,machine,value', ...lines, ''].join('\n')
}

/** Every hour of every machine, computed without Tidegate. */
export function hoursOf(readings: readonly Reading[]): readonly Hour[] {
  const hours = new Map<string, { key: string; start: number; values: number[] }>()
  for (const { time, machineId, celsius } of readings) {
    const start = time - (time % HOUR_MS)
    const name = `${machineId} ${start}`
    const hour = hours.get(name) ?? { key: machineId, start, values: [] }
    hours.set(name, hour)
    hour.values.push(celsius)
  }
  return [...hours.values()].map(({ key, start, values }) => ({
    key,
    start,
    avg: values.reduce((sum, value) => sum + value, 0) / values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  }))
}
