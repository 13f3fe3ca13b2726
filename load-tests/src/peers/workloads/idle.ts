import { megabytes, residentBytesOf } from '../../support/peaks.ts'
import { withClients } from '../load/clients.ts'
import { pause, rounded, type Workload, withCpu } from '../workload.ts'

/** Opened before anything is measured: one-time allocations of a process are not a connection's. */
const FIRST = 200
const CONNECTIONS = 1_000
/** Short-lived allocations are collected before memory is read. */
const COLLECT_MS = 1_000

export const idle: Workload = {
  description: 'nothing to do: memory and CPU of all processes of the server, and memory of each further subscriber',
  compared: { rssMb: 'less', cpuPercent: 'less', bytesPerSubscriber: 'less' },
  measure: (name, server, { idleMs }) =>
    withClients(async ({ subscribers }) => {
      const pids = await server.pids()
      const share = async () => rounded(((await withCpu(server, () => pause(idleMs))).cpu / idleMs) * 100_000)
      await pause(COLLECT_MS)
      const fresh = await residentBytesOf(pids)
      const cpuPercent = await share()
      const open = (count: number) =>
        subscribers({ do: 'open', subject: name, port: server.port, count, countEvery: 1 })
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
    }),
}
