import { startNodeServer } from '../place/node-server.ts'
import { packageVersion } from '../place/package-version.ts'
import { REDIS_SETTINGS } from '../place/peer-redis.ts'
import type { Subject } from '../subject.ts'
import { openJsonPublisher, openJsonSubscriber } from './json-client.ts'

export const ws: Subject = {
  title: 'ws + Redis Streams',
  ack: {
    level: 'disk within a second',
    words: 'in Redis and its append-only file, on the disk within a second; sent again it is stored twice',
  },
  settings: [
    REDIS_SETTINGS,
    'one Node process: an XADD for each event (ioredis, enableAutoPipelining), one XREAD loop that sends what it reads as one message to every subscriber',
  ],
  start: () => startNodeServer(new URL('../servers/ws-server.ts', import.meta.url), packageVersion('ws')),
  publish: openJsonPublisher,
  subscribe: openJsonSubscriber,
  leave: async (port) => (reader) => openJsonSubscriber(port, reader, 'earliest'),
}
