import type { Benchmark } from '../support/benchmark.ts'
import { residentBytes } from '../support/memory.ts'
import { percentile } from '../support/percentile.ts'
import { ask, type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { ClientsOptions } from './clients.ts'

const CONNECTIONS = 15_000
const STEP = 2_500
/** Opened and closed before anything is measured: one-time allocations of a process are not a connection's. */
const WARM_UP = 2_000
/** Wait after a step: short-lived allocations are collected before memory is read. */
const COLLECT_MS = 1_500

export const idle: Benchmark = {
  description:
    '15,000 subscribed connections that do nothing, in one gateway: memory of each, beside bare uWebSockets.js',
  control: 'uWebSockets.js alone, with as many sockets',
  notMeasured: 'memory of the kernel for its sockets; events under way',
  async run(progress) {
    const redis = await startBenchRedis()
    try {
      const bare = await measured(() => untilReady(startModule(new URL('./bare-server.ts', import.meta.url))), progress)
      // Not before: a gateway that waits fills its young generation by a megabyte a second, and would be as large as it is old.
      const own = await measured(() => startTidegate(['gateway', '--port', '0'], { REDIS_URL: redis.url }), progress)
      return {
        connections: CONNECTIONS,
        bytesPerConnection: own.perConnection,
        controlBytesPerConnection: bare.perConnection,
        freshMb: own.freshMb,
        connectedMb: own.connectedMb,
      }
    } finally {
      await redis.close()
    }
  },
}

async function measured(start: () => Promise<ServerProcess>, progress: (line: string) => void): Promise<Memory> {
  const server = await start()
  try {
    return await measure(server, progress)
  } finally {
    await server.stop()
  }
}

interface Memory {
  /** Resident bytes that each further connection adds: the median of steps of 2,500. */
  readonly perConnection: number
  /** Of the process before anybody connected, and with all connections; between them also what it allocates once. */
  readonly freshMb: number
  readonly connectedMb: number
}

async function measure(server: ServerProcess, progress: (line: string) => void): Promise<Memory> {
  const clients = startModule(new URL('./clients.ts', import.meta.url))
  const tell = (question: ClientsOptions | 'close') => ask<void>(clients, question)
  const resident = async () => {
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS))
    return residentBytes(server.pid)
  }
  try {
    const fresh = await resident()
    await tell({ port: server.port, count: WARM_UP })
    await tell('close')
    const added: number[] = []
    let before = await resident()
    for (let connections = STEP; connections <= CONNECTIONS; connections += STEP) {
      await tell({ port: server.port, count: STEP })
      const after = await resident()
      added.push((after - before) / STEP)
      before = after
      progress(`${connections} connections: ${megabytes(after)} MB`)
    }
    // The median, since a collection of garbage may fall into one of the steps.
    return {
      perConnection: Math.round(percentile(added, 0.5)),
      freshMb: megabytes(fresh),
      connectedMb: megabytes(before),
    }
  } finally {
    clients.kill('SIGKILL')
  }
}

const megabytes = (bytes: number) => Math.round(bytes / 1_048_576)
