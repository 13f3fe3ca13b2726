/** Control of `bench latency`: XADD of every frame, one XREAD after the other, and a send to every subscriber. */
import { openBlockingConnection, openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { ackOf, type ControlSocket, serveControl } from './control-sockets.ts'

export interface StreamServerOptions {
  readonly redisUrl: string
}

const KEY = 'control'
const KEPT_ENTRIES = 10_000
const READ_ENTRIES = 1_000
const BLOCK_MS = 500

async function run({ redisUrl }: StreamServerOptions): Promise<void> {
  const writer = openCommandConnection(redisUrl, 'bench-xadd')
  const reader = openBlockingConnection(redisUrl, 'bench-xread')
  await Promise.all([untilReady(writer, 5_000), untilReady(reader, 5_000)])
  let subscribers: Iterable<ControlSocket> = []
  serveControl((payload, publisher, present) => {
    subscribers = present
    void writer.xadd(KEY, 'MAXLEN', '~', KEPT_ENTRIES, '*', 'd', payload).then(() => publisher.send(ackOf(payload)))
  })
  for (let cursor = '0-0'; ; ) {
    const answer = await reader.xreadBuffer('COUNT', READ_ENTRIES, 'BLOCK', BLOCK_MS, 'STREAMS', KEY, cursor)
    for (const [id, fields] of answer?.[0]?.[1] ?? []) {
      cursor = id.toString()
      for (const subscriber of subscribers) subscriber.send(fields[1]!)
    }
  }
}

process.once('message', (options: StreamServerOptions) => void run(options))
