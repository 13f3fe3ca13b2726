/** Socket.IO with its adapter for Redis Streams. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import type { NodeServerOptions } from '../place/node-server.ts'

const ROOM = 'subscribers'
const KEPT_EVENTS = 1_000_000
/** `EVENT` of the Socket.IO protocol. */
const EVENT_PACKET = 2

async function run({ redisPath }: NodeServerOptions): Promise<void> {
  const redis = new Redis(redisPath, { enableAutoPipelining: true })
  redis.on('error', () => {})
  const http = createServer()
  const io = new Server(http, {
    transports: ['websocket'],
    adapter: createAdapter(redis, { maxLen: KEPT_EVENTS }),
    connectionStateRecovery: {},
  })
  const { adapter } = io.of('/')
  // `io.to(ROOM).emit` does the same, and drops the promise by which the event is in Redis.
  const broadcast = (event: object) =>
    adapter.broadcast(
      { type: EVENT_PACKET, nsp: '/', data: ['event', event] },
      { rooms: new Set([ROOM]), except: new Set(), flags: {} },
    ) as unknown as Promise<void>

  io.on('connection', (socket) => {
    socket.on('publish', async (events: readonly object[], done: () => void) => {
      await Promise.all(events.map(broadcast))
      done()
    })
    socket.on('subscribe', async (done: () => void) => {
      await socket.join(ROOM)
      done()
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  process.send!({ type: 'ready', port: (http.address() as AddressInfo).port })
}

process.once('message', (options: NodeServerOptions) => void run(options))
