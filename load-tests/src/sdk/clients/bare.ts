import { once } from 'node:events'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { WebSocket } from 'ws'
import type { MeasuredClient } from '../measured-client.ts'
import type { Reading } from '../reading.ts'

/** Control: `ws` and JSON, with the least that answers a call: a number for each, and a map of those that wait. */
export async function connectBare(port: number): Promise<MeasuredClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, SUBPROTOCOL)
  const waiting = new Map<number, () => void>()
  let calls = 0
  let receive: (reading: Reading) => void = () => {}
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as { readonly ack: number } | { readonly event: Reading }
    if ('event' in message) return receive(message.event)
    waiting.get(message.ack)!()
    waiting.delete(message.ack)
  })
  await once(socket, 'open')
  const call = (message: object) =>
    new Promise<void>((resolve) => {
      const seq = ++calls
      waiting.set(seq, resolve)
      socket.send(JSON.stringify({ seq, ...message }))
    })
  return {
    publish: (events) => call({ events }),
    subscribe(listener) {
      receive = listener
      return call({ subscribe: true })
    },
    close: () => socket.close(),
  }
}
