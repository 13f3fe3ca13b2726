import { openPublishers } from '../load/clients.ts'
import { microsEach, pause, rounded, type Workload, withCpu } from '../workload.ts'

const SUBSCRIBERS = 1_000
const TICKS_PER_SEC = 100
const SHAPE = { keys: 1, bytes: 200 }
/** Of so many subscribers the events of one are counted, and of the others the bytes: clients share the cores. */
const COUNT_EVERY = 10
/** Ticks are left out beyond this: what waits in servers that cannot keep up is bounded, and the same for all. */
const MAX_BEHIND_TICKS = 50

/** @param eventsPerTick published in one call, a hundred times a second */
function fanout(eventsPerTick: number): Workload {
  return {
    description: `${eventsPerTick} events of 200 B a tick, 100 ticks a second, to 1,000 subscribers`,
    compared: { deliveriesPerSec: 'more', cpuMicrosPerDelivery: 'less', p99Ms: 'less' },
    async measure({ name, server, clients }, { warmUpMs, measureMs }) {
      const { publishers, subscribers } = clients
      const { port } = server
      await subscribers({ do: 'open', subject: name, port, count: SUBSCRIBERS, countEvery: COUNT_EVERY })
      await publishers(openPublishers(name, port, 1, SHAPE))
      const maxBehind = MAX_BEHIND_TICKS * eventsPerTick
      await publishers({ do: 'pace', callsPerSec: TICKS_PER_SEC, eventsPerCall: eventsPerTick, maxBehind })
      await pause(warmUpMs)
      await Promise.all([publishers({ do: 'take' }), subscribers({ do: 'take' })])
      const { result, cpu } = await withCpu(server, async () => {
        await pause(measureMs)
        return Promise.all([publishers({ do: 'take' }), subscribers({ do: 'take' })])
      })
      const [sent, received] = result
      const deliveriesPerSec = Math.round(received.deliveries / sent.seconds)
      const offered = eventsPerTick * TICKS_PER_SEC * SUBSCRIBERS
      return {
        deliveriesPerSec,
        offeredDeliveriesPerSec: offered,
        share: rounded(deliveriesPerSec / offered),
        cpuMicrosPerDelivery: microsEach(cpu, received.deliveries),
        p50Ms: received.latency.p50Ms,
        p99Ms: received.latency.p99Ms,
        skippedTicks: sent.skippedCalls,
        ...(sent.failure !== undefined && { void: `calls were refused: ${sent.failure}` }),
        raw: [{ publishers: { ...sent }, subscribers: { ...received }, ...cpu }],
      }
    },
  }
}

export const fanoutOne = fanout(1)
export const fanoutThirty = fanout(30)
