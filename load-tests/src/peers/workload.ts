import type { Figures } from '../support/benchmark.ts'
import { cpuSeconds } from '../support/cpu.ts'
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

/** One kind of work, done by one subject after the other, each on a server that has just been started. */
export interface Workload {
  readonly description: string
  /** Its figures by which subjects are compared, and which way they are better. */
  readonly compared: Readonly<Record<string, 'more' | 'less'>>
  measure(name: SubjectName, server: PeerServer, scale: Scale): Promise<PeerFigures>
}

/** Figures by name, and under `raw` what they were taken from, in an array; `void` says why they do not count. */
export type PeerFigures = Readonly<Record<string, Figures>> & { readonly void?: string }

/** Starts a subject's server, and ends it whatever happens. */
export async function withServer<T>(name: SubjectName, use: (server: PeerServer) => Promise<T>): Promise<T> {
  const server = await SUBJECTS[name].start()
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** Does something, and says how much CPU all processes of a server have used meanwhile, seconds. */
export async function withCpu<T>(
  server: PeerServer,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cpu: number }> {
  const pids = await server.pids()
  const before = await cpuOf(pids)
  const result = await work()
  return { result, cpu: (await cpuOf(pids)) - before }
}

async function cpuOf(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(cpuSeconds))).reduce((sum, seconds) => sum + seconds, 0)
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Three digits tell these machines' figures apart. */
export const rounded = (value: number) => Number(value.toPrecision(4))
