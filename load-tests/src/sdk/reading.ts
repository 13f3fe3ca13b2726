/** What every client publishes and receives. */
export interface Reading {
  readonly sensorId: string
  readonly temperature: number
  readonly humidity: number
  readonly n: number
}

const SENSORS = 1_000

export function readingOf(n: number): Reading {
  return { sensorId: `s-${n % SENSORS}`, temperature: (n % 1_280) / 64, humidity: n % 100, n }
}
