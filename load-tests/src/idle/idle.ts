import type { Benchmark } from '../support/benchmark.ts'
import { residentBytes } from '../support/memory.ts'
import { ask, type ServerProcess, startModule, startTidegate, untilReady } from '../support/processes.ts'
import { startBenchRedis } from '../support/redis.ts'
import type { ClientsOptions } from './clients.ts'

const CONNECTIONS = 15_000
/** Opened and closed before anything is measured: what a process allocates once is not a connection's. */
const WARM_UP = 2_000
const SETTLE_MS = 3_000

export const idle: Benchmark = {
  description:
    '15,000 subscribed connections that do nothing, in one gateway: memory of each, beside bare uWebSockets.js',
  notMeasured: 'memory of the kernel for its sockets; events under way',
  async run(progress) {
    const redis = await startBenchRedis()
    const gateway = await startTidegate(['gateway', '--port', '0'], { REDIS_URL: redis.url })
    const control = await untilReady(startModule(new URL('./bare-server.ts', import.meta.url)))
    try {
      const bare = await measure(control)
      progress(`bare: ${bare} bytes a connection`)
      const bytesPerConnection = await measure(gateway)
      return { connections: CONNECTIONS, bytesPerConnection, controlBytesPerConnection: bare }
    } finally {
      await Promise.all([gateway.stop(), control.stop()])
      await redis.close()
    }
  },
}

/** Resident bytes per connection, beyond those of the process without any. */
async function measure(server: ServerProcess): Promise<number> {
  const clients = startModule(new URL('./clients.ts', import.meta.url))
  const tell = (question: ClientsOptions | 'close') => ask<void>(clients, question)
  try {
    await tell({ port: server.port, count: WARM_UP })
    await tell('close')
    await settle()
    const before = await residentBytes(server.pid)
    await tell({ port: server.port, count: CONNECTIONS })
    await settle()
    return Math.round(((await residentBytes(server.pid)) - before) / CONNECTIONS)
  } finally {
    clients.kill('SIGKILL')
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
