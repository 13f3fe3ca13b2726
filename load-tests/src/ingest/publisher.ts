/** Child process of `bench ingest`: publishes prepared frames over some sockets and reports to its parent over IPC. */

import { randomUUID } from 'node:crypto'
import { helloFrame } from '../support/hello.ts'
import { percentile } from '../support/percentile.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import { createFramePool, type FramePool } from '../support/reading-frames.ts'

export interface PublisherOptions {
  readonly port: number
  readonly sockets: number
  readonly eventsPerFrame: number
  readonly keys: number
  readonly warmupMs: number
  readonly measureMs: number
  /** Events per second over all sockets; absent means as fast as the publish grant allows. */
  readonly eventsPerSec?: number
  /** The sequence in `hello`; absent: none. */
  readonly sequence?: 'new' | undefined
}

export interface PublisherReport {
  readonly eventsPerSec: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly rejected: number
}

/** Frames one socket keeps unacknowledged: what `welcome` grants. */
const GRANTED_FRAMES = 64
/** Prepared frames per socket: more than may be unacknowledged, so that none is patched while the kernel reads it. */
const POOL_SIZE = 4 * GRANTED_FRAMES
const PACE_MS = 2

class Publisher {
  readonly #socket: RawWebSocket
  readonly #pool: FramePool
  readonly #sentAt = new Map<number, number>()
  readonly #paced: boolean
  readonly #sequence: PublisherOptions['sequence']
  /** Frames that may be unacknowledged, by the last grant. */
  #grant = GRANTED_FRAMES
  #pausedUntil = 0
  readonly latencies: number[] = []
  acked = 0
  rejected = 0

  constructor({ port, eventsPerSec, sequence }: PublisherOptions, pool: FramePool) {
    this.#pool = pool
    this.#paced = eventsPerSec !== undefined
    this.#sequence = sequence
    this.#socket = new RawWebSocket(port, (payload) => this.#onFrame(payload))
  }

  async open(): Promise<void> {
    await this.#socket.open()
    const sequence = this.#sequence
    this.#socket.write(helloFrame({ producer: randomUUID(), session: 1, sequence }))
  }

  /** Whether the server lets it send another frame now. */
  get isFree(): boolean {
    return this.#sentAt.size < this.#grant && performance.now() >= this.#pausedUntil
  }

  /** Sends what may be sent. */
  fill(): void {
    while (this.isFree) this.send()
  }

  send(): void {
    const { frame, seq } = this.#pool.next()
    this.#sentAt.set(seq, performance.now())
    this.#socket.write(frame)
  }

  close(): void {
    this.#socket.close()
  }

  #onFrame(payload: Buffer): void {
    const text = payload.toString('latin1', 0, 48)
    if (text.startsWith('{"type":"slow"')) return this.#slowed(JSON.parse(payload.toString('latin1')))
    const match = /^\{"type":"(ack|reject)","seq":(\d+)/.exec(text)
    if (match === null) return
    const seq = Number(match[2])
    const sentAt = this.#sentAt.get(seq)
    this.#sentAt.delete(seq)
    if (match[1] === 'ack') {
      this.acked++
      if (sentAt !== undefined) this.latencies.push(performance.now() - sentAt)
    } else this.rejected++
    if (!this.#paced) this.fill()
  }

  #slowed({ retryAfterMs, publish }: { retryAfterMs: number; publish: { frames: number } }): void {
    this.#grant = publish.frames
    this.#pausedUntil = performance.now() + retryAfterMs
    if (!this.#paced) setTimeout(() => this.fill(), retryAfterMs)
  }
}

async function run(options: PublisherOptions): Promise<PublisherReport> {
  const { eventsPerFrame, keys, eventsPerSec } = options
  const publishers = Array.from({ length: options.sockets }, (_, i) => {
    const pool = createFramePool({ size: POOL_SIZE, eventsPerFrame, keys, seed: i * 1_000_003 })
    return new Publisher(options, pool)
  })
  await Promise.all(publishers.map((publisher) => publisher.open()))
  const stop = eventsPerSec === undefined ? saturate(publishers) : pace(publishers, eventsPerSec / eventsPerFrame)
  await pause(options.warmupMs)
  for (const publisher of publishers) {
    publisher.acked = 0
    publisher.latencies.length = 0
  }
  const startedAt = performance.now()
  await pause(options.measureMs)
  const seconds = (performance.now() - startedAt) / 1_000
  const acked = publishers.reduce((sum, publisher) => sum + publisher.acked, 0)
  const latencies = publishers.flatMap((publisher) => publisher.latencies)
  stop()
  for (const publisher of publishers) publisher.close()
  return {
    eventsPerSec: Math.round((acked * eventsPerFrame) / seconds),
    ackP50Ms: percentile(latencies, 0.5),
    ackP99Ms: percentile(latencies, 0.99),
    rejected: publishers.reduce((sum, publisher) => sum + publisher.rejected, 0),
  }
}

/** Keeps the whole grant in flight; every answer sends the next frame. */
function saturate(publishers: readonly Publisher[]): () => void {
  for (const publisher of publishers) publisher.fill()
  return () => {}
}

/** Sends at a fixed rate whatever the answers do, as sensors would; latency is from the send. */
function pace(publishers: readonly Publisher[], framesPerSec: number): () => void {
  const startedAt = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * framesPerSec
    while (sent < due) {
      const publisher = publishers[sent++ % publishers.length]!
      if (publisher.isFree) publisher.send()
    }
  }, PACE_MS)
  return () => clearInterval(timer)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

process.once('message', (options: PublisherOptions) => {
  run(options).then(
    (report) => process.send!(report, () => process.exit(0)),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
