import { residentBytes } from '../support/memory.ts'
import { ask, type ServerProcess, startModule } from '../support/processes.ts'
import type { ClientsOptions } from './clients.ts'

/** Opened and closed before anything is measured: one-time allocations of a process are not a connection's. */
const WARM_UP = 2_000
/** Wait after a step: short-lived allocations are collected before memory is read. */
const COLLECT_MS = 1_500

/** Subscribed connections of one server, of which there are ever more, and what it weighs with them. */
export interface Connections {
  warmUp(): Promise<void>
  add(count: number): Promise<void>
  /** Resident memory of the server at rest, bytes. */
  resident(): Promise<number>
  end(): void
}

/** @param env of the clients */
export function connectionsOf(server: ServerProcess, env: Readonly<Record<string, string>> = {}): Connections {
  const clients = startModule(new URL('./clients.ts', import.meta.url), env)
  const tell = (question: ClientsOptions | 'close') => ask<void>(clients, question)
  const add = (count: number) => tell({ port: server.port, count })
  return {
    add,
    async warmUp() {
      await add(WARM_UP)
      await tell('close')
    },
    async resident() {
      await new Promise((resolve) => setTimeout(resolve, COLLECT_MS))
      return residentBytes(server.pid)
    },
    end: () => void clients.kill('SIGKILL'),
  }
}
