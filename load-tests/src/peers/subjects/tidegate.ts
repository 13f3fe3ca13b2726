import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { processTree } from '../../support/process-tree.ts'
import { type ServerProcess, startTidegate } from '../../support/processes.ts'
import type { PeerServer, Subject } from '../subject.ts'
import { openSdkPublisher, openTidegatePublisher } from './tidegate-publisher.ts'
import { openTidegateSubscriber } from './tidegate-subscriber.ts'

const CONFIG = fileURLToPath(new URL('./tidegate.config.ts', import.meta.url))
const END_POLL_MS = 5

export const tidegate: Subject = {
  title: 'Tidegate',
  ack: {
    level: 'disk within a second',
    words: 'in Redis and its append-only file, on the disk within a second; stored once',
  },
  settings: [
    'tidegate start with the default settings: a gateway, a worker, the supervisor, and its private Redis (appendonly, appendfsync everysec)',
    'one topic of plain fields in 8 partitions; the schema is checked, and every event has an id and a time',
    'subscribers have a window of 1 MiB and confirm every quarter of it; the bus test publishes with the SDK',
  ],
  async start() {
    const data = await mkdtemp(join(tmpdir(), 'tidegate-peers-'))
    const server = await startTidegate(
      ['start', '--port', '0', '--data', data, '--config', CONFIG, '--metrics-port', '0'],
      { REDIS_URL: '', TIDEGATE_LOG_LEVEL: 'error' },
    )
    return serverOf(server, data)
  },
  publish: (port, isSentAgain = false) => (isSentAgain ? openSdkPublisher(port) : openTidegatePublisher(port)),
  subscribe: (port, reader) => openTidegateSubscriber(port, reader, 'now'),
  leave: async (port) => (reader) => openTidegateSubscriber(port, reader, 'earliest'),
}

function serverOf({ pid, port, stop }: ServerProcess, data: string): PeerServer {
  return {
    port,
    version: 'this one',
    pids: () => processTree(pid),
    async killBus() {
      const redis = await redisOf(pid)
      process.kill(redis, 'SIGKILL')
      while ((await processTree(redis)).length > 0) await sleep(END_POLL_MS)
    },
    // The supervisor does.
    restoreBus: async () => {},
    async stop() {
      await stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}

async function redisOf(pid: number): Promise<number> {
  for (const child of await processTree(pid)) {
    const name = (await readFile(`/proc/${child}/comm`, 'utf8')).trim()
    if (name === 'redis-server' || name === 'valkey-server') return child
  }
  throw new Error('the private Redis does not run')
}
