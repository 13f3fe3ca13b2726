/** What one writes by hand: `ws`, an XADD for each event, and one loop of XREAD for all subscribers. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { type WebSocket, WebSocketServer } from 'ws'
import type { NodeServerOptions } from '../place/node-server.ts'

const STREAM = 'events'
const KEPT_EVENTS = 1_000_000
const READ_EVENTS = 1_000
const BLOCK_MS = 500

type ClientMessage = { readonly seq: number; readonly events: readonly object[] } | { readonly from: string }

async function run({ redisPath }: NodeServerOptions): Promise<void> {
  const writer = new Redis(redisPath, { enableAutoPipelining: true })
  const reader = new Redis(redisPath)
  const subscribers = new Set<WebSocket>()
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })

  const publish = async (socket: WebSocket, seq: number, events: readonly object[]) => {
    try {
      await Promise.all(
        events.map((event) => writer.xadd(STREAM, 'MAXLEN', '~', KEPT_EVENTS, '*', 'data', JSON.stringify(event))),
      )
      socket.send(`{"ack":${seq}}`)
    } catch {
      socket.send(`{"fail":${seq}}`)
    }
  }
  const subscribe = async (socket: WebSocket, from: string) => {
    socket.send('{"subscribed":true}')
    let after = from === 'earliest' ? '-' : undefined
    while (after !== undefined) {
      const entries = await writer.xrange(STREAM, after, '+', 'COUNT', READ_EVENTS)
      if (entries.length > 0) socket.send(messageOf(entries))
      after = entries.length < READ_EVENTS ? undefined : `(${entries.at(-1)![0]}`
    }
    subscribers.add(socket)
  }

  server.on('connection', (socket) => {
    socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString()) as ClientMessage
      if ('from' in message) void subscribe(socket, message.from)
      else void publish(socket, message.seq, message.events)
    })
    socket.on('close', () => subscribers.delete(socket))
    socket.on('error', () => {})
  })
  for (const redis of [writer, reader]) redis.on('error', () => {})
  await once(server, 'listening')
  // Not `$`, which skips what is added between two reads.
  let cursor = (await writer.xrevrange(STREAM, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0-0'
  process.send!({ type: 'ready', port: (server.address() as AddressInfo).port })
  for (;;) {
    const answer = await reader
      .xread('COUNT', READ_EVENTS, 'BLOCK', BLOCK_MS, 'STREAMS', STREAM, cursor)
      .catch(() => undefined)
    const entries = answer?.[0]?.[1] ?? []
    if (entries.length === 0) continue
    cursor = entries.at(-1)![0]
    const message = messageOf(entries)
    for (const subscriber of subscribers) subscriber.send(message, { binary: false })
  }
}

/** With ids, so that a client may come back. */
function messageOf(entries: readonly [id: string, fields: string[]][]): Buffer {
  return Buffer.from(`{"events":[${entries.map(([id, [, data]]) => `{"id":"${id}","data":${data}}`).join()}]}`)
}

process.once('message', (options: NodeServerOptions) => void run(options))
