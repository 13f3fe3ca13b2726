/** Child process of `bench idle`: opens sockets that subscribe and then do nothing. */

import { answerParent } from '../support/answer-parent.ts'
import { helloFrame } from '../support/hello.ts'
import { encodeFrame, type RawWebSocket } from '../support/raw-websocket.ts'
import { openSubscribed } from '../support/subscribed-socket.ts'

export interface ClientsOptions {
  readonly port: number
  readonly count: number
}

/** Sockets being opened at a time: more would overflow the accept queue. */
const AT_ONCE = 100

const opening = {
  hello: helloFrame({ windowBytes: 65_536 }),
  subscribe: encodeFrame(Buffer.from('{"type":"subscribe","sub":1,"topic":"sensor.anomaly"}')).frame,
}

const sockets: RawWebSocket[] = []

async function run({ port, count }: ClientsOptions): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) sockets.push(await openSubscribed(port, opening))
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
