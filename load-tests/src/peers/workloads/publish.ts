import type { Clients } from '../load/clients.ts'
import { openPublishers, withClients } from '../load/clients.ts'
import type { PublishersReport } from '../load/publishers.ts'
import type { PeerServer } from '../subject.ts'
import type { SubjectName } from '../subjects/index.ts'
import { type PeerFigures, pause, rounded, type Scale, type Workload, withCpu } from '../workload.ts'

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
  measure: (name, server, scale) => withClients((clients) => saturated(clients, name, server, scale, ONE)),
}

export const publishHundred: Workload = {
  description: 'the same, 100 events a call, 16 unanswered calls each',
  compared: COMPARED,
  measure: (name, server, scale) => withClients((clients) => saturated(clients, name, server, scale, HUNDRED)),
}

export const publishHalf: Workload = {
  description: 'one by one at half of the rate that the subject reached just before, at fixed times',
  compared: { ackP50Ms: 'less', ackP99Ms: 'less', cpuMicrosPerEvent: 'less' },
  measure: (name, server, scale) =>
    withClients(async (clients) => {
      const { eventsPerSec } = await saturated(clients, name, server, { ...scale, measureMs: scale.measureMs / 2 }, ONE)
      await clients.publishers({ do: 'stop' })
      await clients.publishers({
        do: 'pace',
        callsPerSec: Number(eventsPerSec) / 2,
        eventsPerCall: 1,
        maxBehind: 0,
      })
      return published(clients, server, scale)
    }),
}

async function saturated(
  clients: Clients,
  name: SubjectName,
  server: PeerServer,
  scale: Scale,
  shape: CallShape,
): Promise<PeerFigures> {
  await clients.publishers(openPublishers(name, server.port, CONNECTIONS, SHAPE))
  await clients.publishers({ do: 'saturate', ...shape })
  return published(clients, server, scale)
}

async function published(clients: Clients, server: PeerServer, { warmUpMs, measureMs }: Scale): Promise<PeerFigures> {
  await pause(warmUpMs)
  const { failure } = await clients.publishers({ do: 'take' })
  const { result, cpu } = await withCpu(server, async () => {
    await pause(measureMs)
    return clients.publishers({ do: 'take' })
  })
  return figuresOf(result, cpu, failure ?? result.failure)
}

function figuresOf(report: PublishersReport, cpu: number, failure: string | undefined): PeerFigures {
  const { ackedEvents, seconds, ack } = report
  return {
    eventsPerSec: Math.round(ackedEvents / seconds),
    ackP50Ms: ack.p50Ms,
    ackP99Ms: ack.p99Ms,
    ackP999Ms: ack.p999Ms,
    cpuMicrosPerEvent: rounded((cpu * 1_000_000) / ackedEvents),
    ...(ackedEvents === 0 && { void: 'nothing was acknowledged in time' }),
    ...(failure !== undefined && { void: `calls were refused: ${failure}` }),
    raw: [{ ...report, cpuSeconds: cpu }],
  }
}
