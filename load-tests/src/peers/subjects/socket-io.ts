import { startNodeServer } from '../place/node-server.ts'
import { packageVersion } from '../place/package-version.ts'
import { REDIS_SETTINGS } from '../place/peer-redis.ts'
import type { Reader, Subject } from '../subject.ts'
import { type SessionPlace, SocketIoConnection } from './socket-io-connection.ts'

export const socketIo: Subject = {
  title: 'Socket.IO + redis-streams-adapter',
  ack: {
    level: 'disk within a second',
    words:
      'in Redis and its append-only file, on the disk within a second, unless the adapter swallowed an error; sent again it is stored twice',
  },
  settings: [
    REDIS_SETTINGS,
    'one Node process, transport websocket, @socket.io/redis-streams-adapter on ioredis (enableAutoPipelining), maxLen 1,000,000, connectionStateRecovery on',
    'every event is a packet of its own, as emit sends it; a publish is acknowledged once the adapter has its events in the stream',
  ],
  start: () => startNodeServer(new URL('../servers/socket-io-server.ts', import.meta.url), packageVersion('socket.io')),
  async publish(port) {
    const connection = new SocketIoConnection(
      port,
      () => {},
      () => {},
    )
    await connection.open()
    return {
      publish: (events) => connection.emit('publish', `[${events.map(({ data }) => data).join()}]`),
      get hasEnded() {
        return connection.isClosed
      },
      close: () => connection.close(),
    }
  },
  async subscribe(port, reader) {
    const connection = connectionOf(port, reader)
    await connection.open()
    await connection.emit('subscribe')
    return connection
  },
  async leave(port) {
    const place = await oneEvent(port)
    return async (reader) => {
      const connection = connectionOf(port, reader, place)
      await connection.open()
      return connection
    }
  },
}

function connectionOf(port: number, reader: Reader, place?: SessionPlace): SocketIoConnection {
  return new SocketIoConnection(
    port,
    (payload) => reader.receive(payload),
    () => reader.end?.(),
    place,
  )
}

/** Subscribes until one event has come: without one there is no place in the stream to come back to. */
async function oneEvent(port: number): Promise<SessionPlace> {
  let onEvent: (payload: Buffer) => void = () => {}
  const came = new Promise<Buffer>((resolve) => {
    onEvent = resolve
  })
  const connection = connectionOf(port, { receive: (payload) => onEvent(payload) })
  await connection.open()
  await connection.emit('subscribe')
  await connection.emit('publish', '[{}]')
  const [, , offset] = JSON.parse((await came).toString('utf8', 2)) as [string, object, string]
  connection.close()
  return { pid: connection.pid, offset }
}
