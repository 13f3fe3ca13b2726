import { openPublishers } from '../load/clients.ts'
import { microsEach, pause, type Workload, withCpu } from '../workload.ts'

const SUBSCRIBERS = 10
const CONNECTIONS = 16
const EVENTS_PER_SEC = 5_000
const SHAPE = { keys: 10_000, bytes: 130 }
/** The last deliveries come within this time. */
const SETTLE_MS = 1_000

export const latency: Workload = {
  description: '5,000 events of 130 B a second, one a call at fixed times over 16 connections, to 10 subscribers',
  compared: { p50Ms: 'less', p99Ms: 'less', p999Ms: 'less', cpuMicrosPerEvent: 'less' },
  async measure({ name, server, clients }, { warmUpMs, measureMs }) {
    const { publishers, subscribers } = clients
    const { port } = server
    const pace = { do: 'pace', callsPerSec: EVENTS_PER_SEC, eventsPerCall: 1, maxBehind: 0 } as const
    await subscribers({ do: 'open', subject: name, port, count: SUBSCRIBERS, countEvery: 1 })
    await publishers(openPublishers(name, port, CONNECTIONS, SHAPE))
    await publishers(pace)
    await pause(warmUpMs)
    await publishers({ do: 'stop' })
    await pause(SETTLE_MS / 2)
    await subscribers({ do: 'take' })
    const { result: sent, cpu } = await withCpu(server, async () => {
      await publishers(pace)
      await pause(measureMs)
      return publishers({ do: 'stop' })
    })
    await pause(SETTLE_MS)
    const received = await subscribers({ do: 'take' })
    const { p50Ms, p99Ms, p999Ms, maxMs } = received.latency
    const missing = sent.sentEvents * SUBSCRIBERS - received.deliveries
    return {
      p50Ms,
      p99Ms,
      p999Ms,
      maxMs,
      ackP99Ms: sent.ack.p99Ms,
      cpuMicrosPerEvent: microsEach(cpu, sent.sentEvents),
      missingDeliveries: missing,
      ...(missing > 0 && { void: `${missing} deliveries did not come` }),
      raw: [{ publishers: { ...sent }, subscribers: { ...received }, ...cpu }],
    }
  },
}
