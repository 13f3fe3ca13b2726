import type { Figures } from '../support/benchmark.ts'
import { cpuSeconds } from '../support/cpu.ts'
import { processName } from '../support/process-tree.ts'
import { type Clients, withClients } from './load/clients.ts'
import type { PeerServer } from './subject.ts'
import { SUBJECTS, type SubjectName } from './subjects/index.ts'

/** How long everything takes. */
export interface Scale {
  readonly warmUpMs: number
  readonly measureMs: number
  readonly stallMs: number
  readonly kills: number
  readonly idleMs: number
}

/** One kind of work, done by one subject after the other, each time by processes that have just been started. */
export interface Workload {
  readonly description: string
  /** Its figures by which subjects are compared, and which way they are better. */
  readonly compared: Readonly<Record<string, 'more' | 'less'>>
  measure(place: Place, scale: Scale): Promise<PeerFigures>
}

export interface Place {
  readonly name: SubjectName
  readonly server: PeerServer
  readonly clients: Clients
}

/** Figures by name, and under `raw` what they were taken from, in an array; `void` says why they do not count. */
export type PeerFigures = Readonly<Record<string, Figures>> & { readonly void?: string }

/** Starts a subject's server, and the clients, and ends them whatever happens. */
export function withPlace<T>(name: SubjectName, use: (place: Place) => Promise<T>): Promise<T> {
  return withClients(async (clients) => {
    const server = await SUBJECTS[name].start()
    try {
      return await use({ name, server, clients })
    } finally {
      await server.stop()
    }
  })
}

export interface CpuUse {
  /** Of all processes of the server, seconds. */
  readonly cpuSeconds: number
  readonly byProcess: Readonly<Record<string, number>>
}

/** Does something, and says how much CPU the processes of a server have used meanwhile. */
export async function withCpu<T>(
  server: PeerServer,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cpu: CpuUse }> {
  const pids = await server.pids()
  const before = await Promise.all(pids.map(cpuSeconds))
  const result = await work()
  const after = await Promise.all(pids.map(cpuSeconds))
  const names = await Promise.all(pids.map(processName))
  const byProcess: Record<string, number> = {}
  for (const [i, name] of names.entries()) byProcess[name] = (byProcess[name] ?? 0) + after[i]! - before[i]!
  return { result, cpu: { cpuSeconds: Object.values(byProcess).reduce((sum, seconds) => sum + seconds, 0), byProcess } }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Four digits: these machines' figures do not repeat more. */
export const rounded = (value: number) => Number(value.toPrecision(4))

/** @returns microseconds of CPU for each of so many */
export const microsEach = ({ cpuSeconds }: CpuUse, count: number) => rounded((cpuSeconds * 1_000_000) / count)
