import { cpuSeconds, redisCpuSeconds } from '../support/cpu.ts'
import { percentile } from '../support/percentile.ts'
import { VoidRound } from '../support/void-round.ts'
import { idleCores, type Subject, warmRounds } from '../support/warm-rounds.ts'
import { type Running, withDeployment } from './deployment.ts'
import { type ByProcess, type Point, PROCESSES, type ProcessName } from './point.ts'

export interface Cost {
  /** Beyond what a process uses with all clients connected and nothing to do. */
  readonly microsPerEvent: ByProcess<number>
  /** The same, over all events that subscribers received. */
  readonly microsPerDelivery: ByProcess<number>
  /** CPU with nothing to do, percent of a core. */
  readonly idlePercent: ByProcess<number>
}

const ROUND_MS = 2_500

/** Measures a load on a deployment of its own. @throws VoidRound where rounds with rejects or losses are too many */
export function measurePoint(point: Point, say: (line: string) => void): Promise<Cost> {
  return withDeployment(point, async (running) => {
    const [warm] = await warmRounds([loadOf(running, point, say)])
    const { rest, rounds } = warm!
    const median = (of: (round: Round) => number) => rounded(percentile(rounds.map(of), 0.5))
    return {
      microsPerEvent: eachProcess((name) => median(({ used, events }) => (used[name] * 1e6) / events)),
      microsPerDelivery: eachProcess((name) => median(({ used, deliveries }) => (used[name] * 1e6) / deliveries)),
      idlePercent: eachProcess((name) => rounded(rest[name] * 100)),
    }
  })
}

/** A load on its deployment, to be measured in rounds. */
export function loadOf(running: Running, point: Point, say: (line: string) => void): Subject<ByProcess<number>, Round> {
  return {
    running,
    atRest: () => idleCores(() => cpuOf(running)),
    measure: (idle) => measureRound(running, point, idle),
    say,
  }
}

export interface Round {
  /** CPU beyond that of an idle process, seconds. */
  readonly used: ByProcess<number>
  readonly events: number
  readonly deliveries: number
}

/** @throws VoidRound */
async function measureRound(running: Running, point: Point, idle: ByProcess<number>): Promise<Round> {
  await running.takeDelivered()
  const startedAt = performance.now()
  const before = await cpuOf(running)
  const { sentEvents, ackedEvents } = await running.publish(ROUND_MS)
  const after = await cpuOf(running)
  const seconds = (performance.now() - startedAt) / 1_000
  const deliveries = await running.takeDelivered()
  const filtered = point.filters > 0 ? sentEvents : 0
  const expected = sentEvents * point.subscribers + filtered
  if (ackedEvents < sentEvents || deliveries < expected) {
    throw new VoidRound(
      `of ${sentEvents} events ${ackedEvents} were acknowledged, and of ${expected} deliveries ${deliveries} came`,
    )
  }
  const used = eachProcess((name) => after[name] - before[name] - idle[name] * seconds)
  return { used, events: sentEvents, deliveries }
}

async function cpuOf({ gateway, worker, redis }: Running): Promise<ByProcess<number>> {
  return {
    gateway: await cpuSeconds(gateway.pid),
    worker: await cpuSeconds(worker.pid),
    redis: await redisCpuSeconds(redis),
  }
}

function eachProcess<T>(of: (name: ProcessName) => T): ByProcess<T> {
  return Object.fromEntries(PROCESSES.map((name) => [name, of(name)])) as unknown as ByProcess<T>
}

const rounded = (value: number) => Math.round(value * 100) / 100
