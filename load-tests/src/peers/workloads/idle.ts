import { megabytes, residentBytesOf } from '../../support/peaks.ts'
import { pause, rounded, type Workload, withCpu } from '../workload.ts'

/** Opened before anything is measured: one-time allocations of a process are not a connection's. */
const FIRST = 2_000
const CONNECTIONS = 2_000
/** Short-lived allocations are collected before memory is read. */
const COLLECT_MS = 1_000

export const idle: Workload = {
  description:
    'nothing to do: memory and CPU of all processes of the server; memory of each further subscriber after 2,000, up to 4,000',
  compared: { rssMb: 'less', cpuPercent: 'less', bytesPerSubscriber: 'less' },
  async measure({ name, server, clients }, { idleMs }) {
    const pids = await server.pids()
    const share = async () => rounded(((await withCpu(server, () => pause(idleMs))).cpu.cpuSeconds / idleMs) * 100_000)
    await pause(COLLECT_MS)
    const fresh = await residentBytesOf(pids)
    const cpuPercent = await share()
    const open = (count: number) =>
      clients.subscribers({ do: 'open', subject: name, port: server.port, count, countEvery: 1 })
    await open(FIRST)
    await pause(COLLECT_MS)
    const before = await residentBytesOf(pids)
    await open(CONNECTIONS)
    await pause(COLLECT_MS)
    const after = await residentBytesOf(pids)
    return {
      processes: pids.length,
      rssMb: megabytes(fresh),
      cpuPercent,
      bytesPerSubscriber: Math.round((after - before) / CONNECTIONS),
      cpuPercentWithSubscribers: await share(),
      raw: [{ freshBytes: fresh, beforeBytes: before, afterBytes: after }],
    }
  },
}
