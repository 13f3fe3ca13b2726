/** Child process of `bench growth`: publishes at fixed times over many sockets, whatever the answers do. */
import { randomUUID } from 'node:crypto'
import { answerParent } from '../support/answer-parent.ts'
import { eachAtOnce } from '../support/each-at-once.ts'
import { helloFrame } from '../support/hello.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import { Frames } from './frames.ts'
import type { Point } from './point.ts'

export type PublisherCommand =
  /** Opens the sockets, instead of those that were open: a refused frame voids all that follow on its socket. */
  | { readonly do: 'open'; readonly port: number; readonly point: Point }
  | { readonly do: 'publish'; readonly durationMs: number; readonly eventsPerSec: number }

export interface PublisherReport {
  readonly sentEvents: number
  readonly ackedEvents: number
  /** Frames by the code with which they were refused, in the order in which codes came first. */
  readonly refusedFrames: Readonly<Record<string, number>>
}

const PACE_MS = 1
/** Last answers come within this time, or the round is void. */
const SETTLE_MS = 700
/** Sockets being opened at a time: more would overflow the accept queue of the kernel. */
const AT_ONCE = 100

let point: Point
let frames: Frames
let sockets: RawWebSocket[] = []
let seqs: number[] = []
let next = 0
let acked = 0
let refused: Record<string, number> = {}

async function open(port: number, opened: Point): Promise<void> {
  for (const socket of sockets) socket.close()
  point = opened
  frames ??= new Frames(point)
  sockets = Array.from({ length: point.producers }, () => new RawWebSocket(port, note))
  seqs = sockets.map(() => 0)
  await eachAtOnce(sockets, AT_ONCE, async (socket) => {
    await socket.open()
    socket.write(helloFrame({ producer: randomUUID(), session: 1, sequence: 'new' }))
  })
}

function note(payload: Buffer): void {
  if (payload.toString('latin1', 0, 13) === '{"type":"ack"') acked++
  const code = /^\{"type":"reject".*?"code":"(\w+)"/.exec(payload.toString('latin1'))?.[1]
  if (code) refused[code] = (refused[code] ?? 0) + 1
}

async function publish(durationMs: number, eventsPerSec: number): Promise<PublisherReport> {
  const framesPerMs = eventsPerSec / point.eventsPerFrame / 1_000
  const total = Math.round(framesPerMs * durationMs)
  const startedAt = performance.now()
  acked = 0
  refused = {}
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, (performance.now() - startedAt) * framesPerMs)
      for (; sent < due; sent++) {
        const i = next++ % sockets.length
        sockets[i]!.write(frames.next(++seqs[i]!))
      }
      if (sent < total) return
      clearInterval(timer)
      resolve()
    }, PACE_MS)
  })
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  return { sentEvents: sent * point.eventsPerFrame, ackedEvents: acked * point.eventsPerFrame, refusedFrames: refused }
}

answerParent(async (command: PublisherCommand) => {
  if (command.do === 'publish') return publish(command.durationMs, command.eventsPerSec)
  await open(command.port, command.point)
  return { type: 'open' }
})
