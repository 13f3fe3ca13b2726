/** Child process of `bench latency`: sends frames of one event at fixed times, whatever the answers do. */
import { randomUUID } from 'node:crypto'
import { answerParent } from '../support/answer-parent.ts'
import { helloFrame } from '../support/hello.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'
import { nowMicros } from './micros.ts'

export interface PublisherOptions {
  readonly port: number
  readonly eventsPerSec: number
  readonly durationMs: number
}

export interface PublisherReport {
  readonly sent: number
  readonly acked: number
}

/** With fewer, a pause of the machine of 50 ms fills their grants, and what comes behind a refused frame is refused too. */
const SOCKETS = 16
const KEYS = 10_000
const PACE_MS = 1
const TEXT = 'x'.repeat(60)
/** Last answers come within this time, or the round is void. */
const SETTLE_MS = 300

async function run({ port, eventsPerSec, durationMs }: PublisherOptions): Promise<PublisherReport> {
  let acked = 0
  const sockets = Array.from(
    { length: SOCKETS },
    () =>
      new RawWebSocket(port, (payload) => {
        if (payload.toString('latin1', 0, 13) === '{"type":"ack"') acked++
      }),
  )
  await Promise.all(sockets.map((socket) => socket.open()))
  for (const socket of sockets) socket.write(helloFrame({ producer: randomUUID(), session: 1, sequence: 'new' }))
  const everyMicros = 1_000_000 / eventsPerSec
  const total = Math.round((eventsPerSec * durationMs) / 1_000)
  const startedAt = nowMicros() + 50_000
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (const due = (nowMicros() - startedAt) / everyMicros; sent < due && sent < total; sent++) {
        const sentAt = Math.round(startedAt + sent * everyMicros)
        sockets[sent % SOCKETS]!.write(publishFrame(sent, sentAt))
      }
      if (sent < total) return
      clearInterval(timer)
      resolve()
    }, PACE_MS)
  })
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  for (const socket of sockets) socket.close()
  return { sent, acked }
}

/** @param sentAt when it should leave, microseconds */
function publishFrame(n: number, sentAt: number): Buffer {
  const data = { key: `k-${(n * 7_919) % KEYS}`, sentAt, text: TEXT }
  const seq = Math.floor(n / SOCKETS) + 1
  return encodeFrame(Buffer.from(JSON.stringify({ type: 'publish', seq, topic: 'bench.event', events: [{ data }] })))
    .frame
}

answerParent(run)
