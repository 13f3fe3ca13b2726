/** Child process of `bench growth`: sockets that subscribe, and count the events that come. */

import { answerParent } from '../support/answer-parent.ts'
import { eachAtOnce } from '../support/each-at-once.ts'
import { helloFrame } from '../support/hello.ts'
import { encodeFrame } from '../support/raw-websocket.ts'
import { openSubscribed } from '../support/subscribed-socket.ts'
import { EVERY_TOPIC } from './topics.ts'

export interface SubscribersOptions {
  readonly port: number
  /** A subscriber for each; `null`: of everything. */
  readonly filters: readonly (string | null)[]
}

const MARK = Buffer.from('"at":"')
/** Sockets being opened at a time: more would overflow the accept queue of the kernel. */
const AT_ONCE = 100

let delivered = 0

function openOne(port: number, where: string | null): Promise<unknown> {
  const subscribe = { type: 'subscribe', sub: 1, topic: EVERY_TOPIC, ...(where !== null && { where }) }
  const opening = { hello: helloFrame(), subscribe: encodeFrame(Buffer.from(JSON.stringify(subscribe))).frame }
  return openSubscribed(port, opening, count)
}

function count(payload: Buffer): void {
  for (let at = payload.indexOf(MARK); at !== -1; at = payload.indexOf(MARK, at + MARK.length)) delivered++
}

answerParent(async (message: SubscribersOptions | 'take') => {
  if (message !== 'take') await eachAtOnce(message.filters, AT_ONCE, (where) => openOne(message.port, where))
  const taken = delivered
  delivered = 0
  return taken
})
