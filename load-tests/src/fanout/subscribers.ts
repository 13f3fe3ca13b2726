/** Child process of `bench fanout`: sockets that subscribe and count what comes. */

import { answerParent } from '../support/answer-parent.ts'
import { helloFrame } from '../support/hello.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'

export interface SubscribersOptions {
  readonly port: number
  readonly count: number
}

export interface FrameCounts {
  readonly frames: number
  readonly bytes: number
}

const hello = helloFrame()
const subscribe = encodeFrame(Buffer.from('{"type":"subscribe","sub":1,"topic":"bench.event"}')).frame

let frames = 0
let bytes = 0

async function open(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = new RawWebSocket(port, (payload) => {
      frames++
      bytes += payload.length
      if (payload.length < 200 && payload.includes('"subscribed"')) resolve()
    })
    socket.open().then(() => {
      socket.write(hello)
      socket.write(subscribe)
    }, reject)
    setTimeout(resolve, 2_000)
  })
}

answerParent(async (message: SubscribersOptions | 'count') => {
  if (message === 'count') return { frames, bytes } satisfies FrameCounts
  await Promise.all(Array.from({ length: message.count }, () => open(message.port)))
  return { type: 'open' }
})
