import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { Pending } from '../load/pending.ts'
import { HOST, type Places, startConfigured } from '../place/configured-server.ts'
import type { Publisher, Reader, Subject } from '../subject.ts'
import { MqttConnection } from './mqtt-connection.ts'

export const mosquitto: Subject = {
  title: 'Mosquitto over WebSocket',
  ack: {
    level: 'memory',
    words: 'in the memory of the broker, for the sessions that there are; written to its file once a second',
  },
  settings: [
    'persistence true, autosave_interval 1: the whole database is written every second, the nearest it has to appendfsync everysec',
    'publishers use QoS 1, and 100 events are 100 packets in one WebSocket message; max_queued_messages 0, so that a session that is away loses none',
    'subscribers of what is live use QoS 0; the bus test subscribes with QoS 1 and a session that outlives its connection',
  ],
  start: () => startConfigured('mosquitto', '-h', configOf),
  async publish(port) {
    const pending = new Pending<number>()
    const connection = new MqttConnection(port, {
      onAck: (id) => pending.answer(id),
      onEnd: () => pending.failAll(new Error('mosquitto ended the connection')),
    })
    await connection.open()
    return publisherOf(connection, pending)
  },
  async subscribe(port, reader) {
    const connection = connectionOf(port, reader)
    await connection.open()
    await connection.subscribe(0)
    return connection
  },
  async leave(port) {
    const session = randomUUID()
    const first = new MqttConnection(port, {})
    await first.open(session)
    await first.subscribe(1)
    first.close()
    return async (reader) => {
      const connection = connectionOf(port, reader)
      await connection.open(session)
      return connection
    }
  },
}

/** Mosquitto 2.0.11 does not start without a listener of plain MQTT. */
function configOf({ port, plainPort, folder }: Places): string {
  return `listener ${plainPort} ${HOST}
listener ${port} ${HOST}
protocol websockets
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location ${folder}/
autosave_interval 1
max_queued_messages 0
user ${userInfo().username}
log_type error
`
}

function publisherOf(connection: MqttConnection, pending: Pending<number>): Publisher {
  return {
    async publish(events) {
      const ids = connection.publish(events.map(({ data }) => data))
      await Promise.all(ids.map((id) => pending.add(id)))
    },
    get hasEnded() {
      return connection.isClosed
    },
    close: () => connection.close(),
  }
}

function connectionOf(port: number, reader: Reader): MqttConnection {
  return new MqttConnection(port, {
    onPublish: (packet) => reader.receive(packet),
    onEnd: () => reader.end?.(),
  })
}
