import type { ServerFrame } from '@tidegate/protocol'
import { helloFrame } from '../../support/hello.ts'
import { PONG } from '../../support/pong.ts'
import { encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'
import type { Reader, Subscriber } from '../subject.ts'
import { TOPIC } from './tidegate-publisher.ts'

const WINDOW_BYTES = 1_048_576
/** As the SDK does. */
const CONFIRMED_BYTES = WINDOW_BYTES / 4
/** A client silent for 30 s is closed. */
const ALIVE_MS = 10_000

const BATCH = Buffer.from('{"type":"batch"')

/** As much of the protocol as a subscriber needs: it confirms what it has read. */
class TidegateSubscriber implements Subscriber {
  readonly #socket: RawWebSocket
  readonly #reader: Reader
  #onSubscribed: (error?: Error) => void = () => {}
  #receivedBytes = 0
  #confirmedBytes = 0
  #alive: NodeJS.Timeout | undefined

  constructor(port: number, reader: Reader) {
    this.#reader = reader
    this.#socket = new RawWebSocket(
      port,
      (payload) => this.#receive(payload),
      () => {
        clearInterval(this.#alive)
        reader.end?.()
      },
    )
  }

  async open(from: 'now' | 'earliest'): Promise<void> {
    await this.#socket.open()
    const subscribed = new Promise<void>((resolve, reject) => {
      this.#onSubscribed = (error) => (error === undefined ? resolve() : reject(error))
    })
    this.#socket.write(helloFrame({ windowBytes: WINDOW_BYTES }))
    this.#send({ type: 'subscribe', sub: 1, topic: TOPIC, from })
    await subscribed
  }

  pause(): void {
    this.#socket.pause()
    this.#alive = setInterval(() => this.#socket.write(PONG), ALIVE_MS)
  }

  resume(): void {
    clearInterval(this.#alive)
    this.#socket.resume()
  }

  close(): void {
    clearInterval(this.#alive)
    this.#socket.close()
  }

  #receive(payload: Buffer): void {
    this.#receivedBytes += payload.length
    if (payload.subarray(0, BATCH.length).equals(BATCH)) this.#reader.receive(payload)
    else this.#read(JSON.parse(payload.toString('utf8')) as ServerFrame)
    if (this.#receivedBytes - this.#confirmedBytes < CONFIRMED_BYTES) return
    this.#confirmedBytes = this.#receivedBytes
    this.#send({ type: 'credit', bytes: this.#receivedBytes })
  }

  #read(frame: ServerFrame): void {
    switch (frame.type) {
      case 'subscribed':
        return this.#onSubscribed()
      case 'error':
        return this.#onSubscribed(new Error(frame.message))
      case 'gap':
        return this.#reader.withhold?.(frame.count ?? 0)
      case 'ping':
        this.#socket.write(PONG)
    }
  }

  #send(frame: object): void {
    this.#socket.write(encodeFrame(Buffer.from(JSON.stringify(frame))).frame)
  }
}

export async function openTidegateSubscriber(
  port: number,
  reader: Reader,
  from: 'now' | 'earliest',
): Promise<Subscriber> {
  const subscriber = new TidegateSubscriber(port, reader)
  await subscriber.open(from)
  return subscriber
}
