import type { Benchmark } from '../support/benchmark.ts'
import { percentile } from '../support/percentile.ts'
import { type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import { connectionsOf } from './connections.ts'

const CONNECTIONS = 15_000
const STEP = 2_500

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
  const clients = connectionsOf(server)
  try {
    const fresh = await clients.resident()
    await clients.warmUp()
    const added: number[] = []
    let before = await clients.resident()
    for (let connections = STEP; connections <= CONNECTIONS; connections += STEP) {
      await clients.add(STEP)
      const after = await clients.resident()
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
    clients.end()
  }
}

const megabytes = (bytes: number) => Math.round(bytes / 1_048_576)
