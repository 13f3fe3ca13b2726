import { processTree } from '../../support/process-tree.ts'
import { startModule, untilReady } from '../../support/processes.ts'
import type { PeerServer } from '../subject.ts'
import { startPeerRedis } from './peer-redis.ts'

export interface NodeServerOptions {
  /** A unix socket. */
  readonly redisPath: string
}

/** A server of ours, in a process of its own, that stores in a Redis of its own. */
export async function startNodeServer(module: URL, version: string): Promise<PeerServer> {
  const redis = await startPeerRedis()
  try {
    const child = startModule(module)
    child.send({ redisPath: redis.url } satisfies NodeServerOptions)
    const server = await untilReady(child)
    return {
      port: server.port,
      version,
      pids: async () => [...(await processTree(server.pid)), redis.pid],
      killBus: () => redis.end('SIGKILL'),
      restoreBus: () => redis.start(),
      async stop() {
        await server.stop()
        await redis.close()
      },
    }
  } catch (error) {
    await redis.close()
    throw error
  }
}
