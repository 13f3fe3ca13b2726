import { megabytes, Peaks, residentBytesOf } from '../../support/peaks.ts'
import { type Clients, openPublishers } from '../load/clients.ts'
import type { SubscribersReport } from '../load/subscribers.ts'
import { pause, rounded, type Workload } from '../workload.ts'

const SUBSCRIBERS = 200
const STALLED = 20
/** In half a minute three times of what the kernel keeps for a socket. */
const EVENTS_PER_SEC = 150
const SHAPE = { keys: 1, bytes: 4_096 }
const CATCH_UP_MS = 5_000
const POLL_MS = 200

export const stalled: Workload = {
  description: '150 events of 4 KB a second to 200 subscribers, 20 of which stop reading for a while',
  compared: { healthyP99Ms: 'less', rssGrowthMb: 'less', lostWithoutNotice: 'less' },
  async measure({ name, server, clients }, { warmUpMs, measureMs, stallMs }) {
    const { publishers, subscribers } = clients
    const { port } = server
    await subscribers({ do: 'open', subject: name, port, count: SUBSCRIBERS, countEvery: 1 })
    await publishers(openPublishers(name, port, 1, SHAPE))
    await publishers({ do: 'pace', callsPerSec: EVENTS_PER_SEC, eventsPerCall: 1, maxBehind: 0 })
    await pause(warmUpMs)
    await subscribers({ do: 'take' })
    await pause(measureMs)
    const baseline = await subscribers({ do: 'take' })
    const pids = await server.pids()
    const rssBefore = await residentBytesOf(pids)
    const peaks = new Peaks(pids)
    await subscribers({ do: 'stall', count: STALLED })
    await pause(stallMs)
    const during = await subscribers({ do: 'take' })
    const { rssPeakMb, kernelSocketMb } = peaks.stop()
    await subscribers({ do: 'wake' })
    const { published, end } = await finish(clients)
    return {
      baselineP50Ms: baseline.latency.p50Ms,
      baselineP99Ms: baseline.latency.p99Ms,
      healthyP50Ms: during.latency.p50Ms,
      healthyP99Ms: during.latency.p99Ms,
      ratio: rounded(during.latency.p99Ms / baseline.latency.p99Ms),
      rssBeforeMb: megabytes(rssBefore),
      rssGrowthMb: rssPeakMb - megabytes(rssBefore),
      kernelSocketMb,
      healthyMissed: published * (SUBSCRIBERS - STALLED) - end.healthy.events,
      stalledReceived: end.stalled.events,
      withheldWithNotice: end.stalled.withheldEvents,
      cutOff: end.cutOff.subscribers,
      lostWithoutNotice: published * end.stalled.subscribers - end.stalled.events - end.stalled.withheldEvents,
      raw: [{ published, baseline: { ...baseline }, during: { ...during }, end: { ...end } }],
    }
  },
}

/** Stops publishing, and waits until nobody receives anything more. */
async function finish({ publishers, subscribers }: Clients): Promise<{ published: number; end: SubscribersReport }> {
  const { ackedEvents } = await publishers({ do: 'stop' })
  let end = await subscribers({ do: 'take' })
  for (const deadline = performance.now() + CATCH_UP_MS; performance.now() < deadline; ) {
    await pause(POLL_MS)
    const next = await subscribers({ do: 'take' })
    const isQuiet = next.bytes === 0
    end = next
    if (isQuiet) break
  }
  return { published: ackedEvents, end }
}
