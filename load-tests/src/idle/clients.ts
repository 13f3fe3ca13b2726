/** Child process of `bench idle`: opens sockets that subscribe and then do nothing. */

import { answerParent } from '../support/answer-parent.ts'
import { helloFrame } from '../support/hello.ts'
import { isPing, PONG } from '../support/pong.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'

export interface ClientsOptions {
  readonly port: number
  readonly count: number
}

/** Sockets being opened at a time: more would overflow the accept queue. */
const AT_ONCE = 100

const hello = helloFrame({ windowBytes: 65_536 })
const subscribe = encodeFrame(Buffer.from('{"type":"subscribe","sub":1,"topic":"sensor.anomaly"}')).frame

const sockets: RawWebSocket[] = []

async function openOne(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onMessage = (payload: Buffer) => {
      if (isPing(payload)) socket.write(PONG)
      else if (payload.includes('"subscribed"')) resolve()
      else if (payload.includes('"type":"error"')) reject(new Error(payload.toString()))
    }
    const onClose = (code?: number) => reject(new Error(`closed with ${code} before it was subscribed`))
    const socket = new RawWebSocket(port, onMessage, onClose)
    sockets.push(socket)
    socket.open().then(() => {
      socket.write(hello)
      socket.write(subscribe)
    }, reject)
  })
}

async function run({ port, count }: ClientsOptions): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) await openOne(port)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

answerParent(async (options: ClientsOptions | 'close') => {
  if (options === 'close') {
    for (const socket of sockets.splice(0)) socket.close()
    return { type: 'closed' }
  }
  await run(options)
  return { type: 'open' }
})
