/** Child process of `bench latency`: subscribers that note how long after its time each event comes. */
import { createHistogram } from 'node:perf_hooks'
import { answerParent } from '../support/answer-parent.ts'
import { helloFrame } from '../support/hello.ts'
import { encodeFrame, type RawWebSocket } from '../support/raw-websocket.ts'
import { openSubscribed } from '../support/subscribed-socket.ts'
import { nowMicros } from './micros.ts'

export interface SubscribersOptions {
  readonly port: number
  readonly count: number
}

export interface LatencyReport {
  readonly deliveries: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

const MARK = Buffer.from('"sentAt":')
const subscribe = encodeFrame(Buffer.from('{"type":"subscribe","sub":1,"topic":"bench.event"}')).frame

/** Microseconds; of high dynamic range, three digits. */
const latencies = createHistogram()
let sockets: RawWebSocket[] = []

function note(frame: Buffer): void {
  const now = nowMicros()
  for (let at = frame.indexOf(MARK); at !== -1; at = frame.indexOf(MARK, at)) {
    at += MARK.length
    latencies.record(Math.max(1, now - Number.parseInt(frame.toString('latin1', at, at + 16), 10)))
  }
}

function report(): LatencyReport {
  const ms = (percentile: number) => latencies.percentile(percentile) / 1_000
  return { deliveries: latencies.count, p50Ms: ms(50), p99Ms: ms(99), p999Ms: ms(99.9) }
}

/** Subscribes to another server. */
async function move({ port, count }: SubscribersOptions): Promise<void> {
  for (const socket of sockets) socket.close()
  sockets = await Promise.all(
    Array.from({ length: count }, () => openSubscribed(port, { hello: helloFrame(), subscribe }, note)),
  )
}

answerParent(async (message: SubscribersOptions | 'take') => {
  if (message !== 'take') await move(message)
  const taken = report()
  latencies.reset()
  return taken
})
