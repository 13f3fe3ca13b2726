import type { Benchmark, Figures } from '../support/benchmark.ts'
import { AXES, type Axis } from './axes.ts'
import { type Cost, measurePoint } from './measure-point.ts'
import { BASE, type ByProcess, type Point, type ProcessName } from './point.ts'

/** Costs that differ by less than this share are the same: these machines drift. */
const FLAT = 0.2

export const growth: Benchmark = {
  description:
    'CPU of gateway, worker and Redis for an event at a fixed rate, while partitions, keys, producers and others grow one at a time',
  control: 'none: each quantity is compared with itself at another size',
  notMeasured:
    'what the processes use while idle, which is apart; networks other than loopback; clients and servers share the cores',
  parts: AXES.map(({ name }) => name),
  async run(progress, { parts = AXES.map(({ name }) => name) }) {
    const axes = AXES.filter(({ name }) => parts.includes(name))
    const costs = new Costs(progress)
    const figures: Record<string, Figures> = {}
    for (const axis of axes) {
      const measured: Record<string, Cost | string> = {}
      for (const [value, point] of Object.entries(axis.points)) {
        measured[value] = await costs.of(point, `${axis.name} ${value}`)
      }
      figures[axis.name] = account(axis, measured)
      progress(`${axis.name}: ${JSON.stringify(figures[axis.name])}`)
    }
    if (axes.length > 1) figures.drift = await drift(costs)
    return figures
  },
}

/** Measures each point once, however many axes have it. */
class Costs {
  readonly #known = new Map<string, Cost | string>()
  readonly #say: (line: string) => void

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  /** @returns the cost, or why there is none */
  async of(point: Point, name: string): Promise<Cost | string> {
    const key = JSON.stringify(point)
    const known = this.#known.get(key) ?? (await this.measure(point, name))
    this.#known.set(key, known)
    return known
  }

  async measure(point: Point, name: string): Promise<Cost | string> {
    try {
      const cost = await measurePoint(point, (line) => this.#say(`${name}: ${line}`))
      this.#say(`${name}: ${JSON.stringify(cost.microsPerEvent)} us/event, idle ${JSON.stringify(cost.idlePercent)} %`)
      return cost
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
}

function account(axis: Axis, measured: Readonly<Record<string, Cost | string>>): Figures {
  const costs = Object.values(measured).filter((cost) => typeof cost !== 'string')
  const microsOf = ({ microsPerEvent, microsPerDelivery }: Cost): ByProcess<number> =>
    axis.per === 'event' ? microsPerEvent : microsPerDelivery
  const points = Object.entries(measured).map(([value, cost]) => [
    value,
    typeof cost === 'string'
      ? { void: cost }
      : { ...only(microsOf(cost), axis.processes), idlePercent: only(cost.idlePercent, axis.processes) },
  ])
  const verdicts = axis.processes.map((name) => {
    const micros = costs.map((cost) => microsOf(cost)[name])
    return [
      name,
      micros.length < points.length ? { flat: false, reason: 'not all measured' } : verdict(micros, axis.reasons[name]),
    ]
  })
  return { per: axis.per, points: Object.fromEntries(points), flat: Object.fromEntries(verdicts) }
}

function verdict(micros: readonly number[], reason = 'not explained yet'): Figures {
  const spread = Math.round((Math.max(...micros) / Math.min(...micros)) * 100) / 100
  return spread <= 1 + FLAT ? { flat: true, spread } : { flat: false, spread, reason }
}

/** The first point again at the end: how far the machine itself moved. */
async function drift(costs: Costs): Promise<Figures> {
  const first = await costs.of(BASE, 'base')
  const last = await costs.measure(BASE, 'base again')
  if (typeof first === 'string' || typeof last === 'string') return { void: `${first} ${last}` }
  return { first: first.microsPerEvent, last: last.microsPerEvent }
}

function only<T>(all: ByProcess<T>, processes: readonly ProcessName[]): Record<string, T> {
  return Object.fromEntries(processes.map((name) => [name, all[name]]))
}
