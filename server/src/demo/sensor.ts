import type { Actor, DemoEvent } from './demo-event.ts'
import { normal, type Random, uniform } from './random.ts'
import { type Condition, nextCondition, overheatingBy } from './sensor-condition.ts'
import { transitMs } from './transit.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** degC either side of a sensor's own mean, warmest at 15:00 UTC. */
const DAILY_AMPLITUDE = 2
/** A draughty room: standard deviation in degC, and how long a deviation lasts. */
const FLUCTUATION = { sigma: 0.4, lastsMs: 30_000 }
/** Every fifth sensor reads ever higher until it is serviced. */
const DRIFT = { everyNth: 5, perHour: 1.5, servicedAt: 2.5 }
/** A single wrong reading: one in this many, and how far off. */
const SPIKE = { oneIn: 1_500, min: 25, max: 60 }
/** A device that missed its answer sends the same reading, with the same id, again. */
const REPEAT = { oneIn: 100, minMs: 200, maxMs: 800 }

/** A temperature and humidity sensor that reads once or twice a second. */
export function sensor(index: number, run: string, startTime: number, random: Random): Actor {
  const sensorId = `s-${String(index + 1).padStart(2, '0')}`
  const mean = uniform(random, 17, 21)
  const periodMs = uniform(random, 500, 1_000)
  const drifts = index % DRIFT.everyNth === 0
  let readings = 0
  let fluctuation = 0
  let condition: Condition = { kind: 'normal' }

  function measure(time: number) {
    const share = periodMs / FLUCTUATION.lastsMs
    fluctuation += -fluctuation * share + FLUCTUATION.sigma * Math.sqrt(2 * share) * normal(random)
    const drift = drifts ? (((time - startTime) / HOUR_MS) * DRIFT.perHour) % DRIFT.servicedAt : 0
    const room = mean + dailyCycle(time) + fluctuation + drift + overheatingBy(condition, time)
    const temperature = random() < 1 / SPIKE.oneIn ? room + spike(random) : room
    return { sensorId, temperature: hundredths(temperature), humidity: hundredths(humidityAt(room, random)) }
  }

  return {
    act(atMs) {
      const time = Math.round(atMs)
      condition = nextCondition(condition, time, random, () => measure(time))
      const data = condition.kind === 'stuck' ? condition.reading : measure(time)
      const event = { id: `r-${run}-${index + 1}-${++readings}`, time, data }
      const reading: DemoEvent = { topic: 'sensor.reading', atMs: time + transitMs(random), event }
      const sent = [reading]
      if (random() < 1 / REPEAT.oneIn) {
        sent.push({ ...reading, atMs: reading.atMs + uniform(random, REPEAT.minMs, REPEAT.maxMs) })
      }
      return { nextAtMs: atMs + periodMs * uniform(random, 0.95, 1.05), sent }
    },
  }
}

function dailyCycle(time: number): number {
  return DAILY_AMPLITUDE * Math.sin((2 * Math.PI * (time - 9 * HOUR_MS)) / DAY_MS)
}

function spike(random: Random): number {
  const size = uniform(random, SPIKE.min, SPIKE.max)
  return random() < 0.5 ? -size : size
}

/** Warm air is relatively drier: percent, always within 5 and 95. */
function humidityAt(temperature: number, random: Random): number {
  return Math.min(95, Math.max(5, 50 - 2 * (temperature - 19) + normal(random)))
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
