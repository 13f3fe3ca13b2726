import { openPublishers } from '../load/clients.ts'
import { microsEach, type PeerFigures, type Place, pause, type Scale, type Workload, withCpu } from '../workload.ts'

const CONNECTIONS = 4
const SHAPE = { keys: 10_000, bytes: 110 }
const ONE: CallShape = { callsInFlight: 64, eventsPerCall: 1 }
/** Fewer at once: a subject that takes 12,000 events a second answers within a second then. */
const HUNDRED: CallShape = { callsInFlight: 16, eventsPerCall: 100 }

interface CallShape {
  /** Of each connection. */
  readonly callsInFlight: number
  readonly eventsPerCall: number
}

const COMPARED = { eventsPerSec: 'more', ackP99Ms: 'less', cpuMicrosPerEvent: 'less' } as const

export const publishOne: Workload = {
  description: 'events of 110 B published and acknowledged one by one: 4 connections, 64 unanswered calls each',
  compared: COMPARED,
  measure: (place, scale) => saturated(place, scale, ONE),
}

export const publishHundred: Workload = {
  description: 'the same, 100 events a call, 16 unanswered calls each',
  compared: COMPARED,
  measure: (place, scale) => saturated(place, scale, HUNDRED),
}

export const publishHalf: Workload = {
  description: 'one by one at half of the rate that the subject reached just before, at fixed times',
  compared: { ackP50Ms: 'less', ackP99Ms: 'less', cpuMicrosPerEvent: 'less' },
  async measure(place, scale) {
    const { publishers } = place.clients
    const { eventsPerSec } = await saturated(place, { ...scale, measureMs: scale.measureMs / 2 }, ONE)
    await publishers({ do: 'stop' })
    await publishers({ do: 'pace', callsPerSec: Number(eventsPerSec) / 2, eventsPerCall: 1, maxBehind: 0 })
    return published(place, scale)
  },
}

async function saturated(place: Place, scale: Scale, shape: CallShape): Promise<PeerFigures> {
  const { name, server, clients } = place
  await clients.publishers(openPublishers(name, server.port, CONNECTIONS, SHAPE))
  await clients.publishers({ do: 'saturate', ...shape })
  return published(place, scale)
}

async function published({ server, clients }: Place, { warmUpMs, measureMs }: Scale): Promise<PeerFigures> {
  await pause(warmUpMs)
  const { failure: early } = await clients.publishers({ do: 'take' })
  const { result, cpu } = await withCpu(server, async () => {
    await pause(measureMs)
    return clients.publishers({ do: 'take' })
  })
  const { ackedEvents, seconds, ack, failure = early } = result
  return {
    eventsPerSec: Math.round(ackedEvents / seconds),
    ackP50Ms: ack.p50Ms,
    ackP99Ms: ack.p99Ms,
    ackP999Ms: ack.p999Ms,
    cpuMicrosPerEvent: microsEach(cpu, ackedEvents),
    ...(ackedEvents === 0 && { void: 'nothing was acknowledged in time' }),
    ...(failure !== undefined && { void: `calls were refused: ${failure}` }),
    raw: [{ ...result, ...cpu }],
  }
}
