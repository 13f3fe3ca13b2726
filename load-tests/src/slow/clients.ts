/**
 * Child process of `bench slow`: subscribers that confirm what they get, some of which stop reading, or never confirm.
 */
import type { ServerFrame } from '@tidegate/protocol'
import { answerParent } from '../support/answer-parent.ts'
import { percentile } from '../support/percentile.ts'
import { PONG } from '../support/pong.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'

export type Command =
  | { readonly do: 'open'; readonly port: number; readonly count: number; readonly confirm: boolean }
  /** The first clients, this many, stop reading. */
  | { readonly do: 'stall'; readonly count: number }
  | { readonly do: 'wake' }
  /** Forgets the latencies so far. */
  | { readonly do: 'restart' }
  | { readonly do: 'report' }

export interface ClientsReport {
  /** Events delivered or reported to each client: the least, the most, and the sum. */
  readonly least: number
  readonly most: number
  readonly delivered: number
  readonly withheld: number
  /** From publish call to arrival, of those that were not stalled. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const WINDOW_BYTES = 65_536
const AT_ONCE = 100
/** A client silent for 30 s is closed, and then costs the gateway nothing: stalled clients keep sending. */
const ALIVE_MS = 10_000
/** One frame in this many is timed. */
const TIMED = 16

const hello = encodeFrame(
  Buffer.from(`{"type":"hello","protocol":1,"client":"bench","windowBytes":${WINDOW_BYTES}}`),
).frame
const subscribe = encodeFrame(Buffer.from('{"type":"subscribe","sub":1,"topic":"bench.event"}')).frame
const AT = Buffer.from('{"at":')
const SENT_AT = Buffer.from('"sentAt":')
const COUNTED = [Buffer.from('"conflated":'), Buffer.from('"sampled":')]
const BATCH = Buffer.from('{"type":"batch"')

let latencies: number[] = []
let frames = 0

class Client {
  delivered = 0
  withheld = 0
  isStalled = false
  readonly #confirms: boolean
  #receivedBytes = 0
  #reportedBytes = 0
  #socket: RawWebSocket | undefined
  #alive: NodeJS.Timeout | undefined

  constructor(confirms: boolean) {
    this.#confirms = confirms
  }

  async open(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const socket = new RawWebSocket(
        port,
        (payload) => this.#receive(payload, resolve),
        (code) => {
          console.error(`a client was closed with ${code}`)
          process.exit(1)
        },
      )
      this.#socket = socket
      socket.open().then(() => {
        socket.write(hello)
        socket.write(subscribe)
      }, reject)
    })
  }

  stall(): void {
    this.isStalled = true
    this.#socket!.pause()
    this.#alive = setInterval(() => this.#socket!.write(PONG), ALIVE_MS)
  }

  wake(): void {
    clearInterval(this.#alive)
    this.#socket!.resume()
  }

  #receive(payload: Buffer, onSubscribed: () => void): void {
    this.#receivedBytes += payload.length
    if (payload.subarray(0, BATCH.length).equals(BATCH)) this.#count(payload)
    else this.#read(JSON.parse(payload.toString('utf8')) as ServerFrame, onSubscribed)
    if (!this.#confirms || this.#receivedBytes - this.#reportedBytes < WINDOW_BYTES / 4) return
    this.#reportedBytes = this.#receivedBytes
    this.#socket!.write(encodeFrame(Buffer.from(`{"type":"credit","bytes":${this.#receivedBytes}}`)).frame)
  }

  /** Without parsing: there are too many. */
  #count(payload: Buffer): void {
    if (COUNTED.some((word) => payload.includes(word))) {
      this.#read(JSON.parse(payload.toString('utf8')) as ServerFrame, () => undefined)
      return
    }
    for (let at = payload.indexOf(AT); at !== -1; at = payload.indexOf(AT, at + AT.length)) this.delivered++
    if (this.isStalled || frames++ % TIMED !== 0) return
    const start = payload.lastIndexOf(SENT_AT) + SENT_AT.length
    latencies.push(Date.now() - Number.parseInt(payload.toString('latin1', start, start + 13), 10))
  }

  #read(frame: ServerFrame, onSubscribed: () => void): void {
    switch (frame.type) {
      case 'subscribed':
        return onSubscribed()
      case 'gap':
        this.withheld += (frame.count ?? 0) + (frame.conflated ?? 0) + (frame.sampled ?? 0)
        return
      case 'batch':
        for (const { events, conflated = 0, sampled = 0 } of frame.parts) {
          this.delivered += events.length
          this.withheld += conflated + sampled
        }
        return
      case 'ping':
        this.#socket!.write(PONG)
    }
  }
}

const clients: Client[] = []

async function open(port: number, count: number, confirm: boolean): Promise<void> {
  let left = count
  const openInTurn = async () => {
    while (left-- > 0) {
      const client = new Client(confirm)
      clients.push(client)
      await client.open(port)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, openInTurn))
}

function report(): ClientsReport {
  const received = clients.map(({ delivered, withheld }) => delivered + withheld)
  return {
    least: received.reduce((least, n) => Math.min(least, n), Number.POSITIVE_INFINITY),
    most: received.reduce((most, n) => Math.max(most, n), 0),
    delivered: clients.reduce((sum, { delivered }) => sum + delivered, 0),
    withheld: clients.reduce((sum, { withheld }) => sum + withheld, 0),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}

async function perform(command: Command): Promise<ClientsReport> {
  switch (command.do) {
    case 'open':
      await open(command.port, command.count, command.confirm)
      break
    case 'stall':
      for (const client of clients.slice(0, command.count)) client.stall()
      break
    case 'wake':
      for (const client of clients) client.wake()
      break
    case 'restart':
      latencies = []
      break
    case 'report':
  }
  return report()
}

answerParent(perform)
