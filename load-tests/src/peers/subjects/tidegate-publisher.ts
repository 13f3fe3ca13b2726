import { randomUUID } from 'node:crypto'
import { createClient } from '@tidegate/client/node'
import { DEFAULTS, type PublishGrant, type ServerFrame } from '@tidegate/protocol'
import { helloFrame } from '../../support/hello.ts'
import { encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'
import { Pending } from '../load/pending.ts'
import type { PeerEvent, Publisher } from '../subject.ts'

export const TOPIC = 'bench.event'

/** As much of the protocol as a publisher needs: it keeps to its grant. */
class TidegatePublisher implements Publisher {
  readonly #socket: RawWebSocket
  readonly #pending = new Pending<number>()
  readonly #waiting: { readonly seq: number; readonly frame: Buffer }[] = []
  /** Unanswered frames, and their bytes. */
  readonly #sent = new Map<number, number>()
  #sentBytes = 0
  #seq = 0
  #grant: PublishGrant = { frames: DEFAULTS.publishFrames, bytes: DEFAULTS.publishBytes }
  #pausedUntil = 0

  constructor(port: number) {
    this.#socket = new RawWebSocket(
      port,
      (payload) => this.#receive(payload),
      () => this.#pending.failAll(new Error('the gateway ended the connection')),
    )
  }

  async open(): Promise<void> {
    await this.#socket.open()
    this.#socket.write(helloFrame({ producer: randomUUID(), session: 1, sequence: 'new' }))
  }

  publish(events: readonly PeerEvent[]): Promise<void> {
    const seq = ++this.#seq
    this.#waiting.push({ seq, frame: publishFrame(seq, events) })
    this.#send()
    return this.#pending.add(seq)
  }

  get hasEnded(): boolean {
    return this.#socket.isClosed
  }

  close(): void {
    this.#socket.close()
  }

  #send(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#isGranted(next.frame); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#sent.set(next.seq, next.frame.length)
      this.#sentBytes += next.frame.length
      this.#socket.writeTogether(next.frame)
    }
  }

  #isGranted(frame: Buffer): boolean {
    const { frames, bytes } = this.#grant
    const isFree = this.#sent.size < frames && this.#sentBytes + frame.length <= bytes
    return isFree && performance.now() >= this.#pausedUntil
  }

  #receive(payload: Buffer): void {
    const [, kind, digits] =
      /^\{"type":"(ack|reject|slow)"(?:,"seq":(\d+))?/.exec(payload.toString('latin1', 0, 48)) ?? []
    if (kind === undefined) return
    if (kind === 'slow') return this.#slow(JSON.parse(payload.toString('utf8')))
    const seq = Number(digits)
    this.#sentBytes -= this.#sent.get(seq) ?? 0
    this.#sent.delete(seq)
    if (kind === 'ack') this.#pending.answer(seq)
    else this.#pending.fail(seq, new Error(payload.toString('utf8', 0, 300)))
    this.#send()
  }

  #slow({ retryAfterMs, publish }: Extract<ServerFrame, { type: 'slow' }>): void {
    this.#grant = publish
    this.#pausedUntil = performance.now() + retryAfterMs
    setTimeout(() => this.#send(), retryAfterMs)
  }
}

export async function openTidegatePublisher(port: number): Promise<Publisher> {
  const publisher = new TidegatePublisher(port)
  await publisher.open()
  return publisher
}

/** As the SDK sends them: with an id and a time. */
function publishFrame(seq: number, events: readonly PeerEvent[]): Buffer {
  const time = Date.now()
  const list = events.map(({ n, data }) => `{"id":"${idOf(n)}","time":${time},"data":${data}}`).join()
  return encodeFrame(Buffer.from(`{"type":"publish","seq":${seq},"topic":"${TOPIC}","events":[${list}]}`)).frame
}

const idOf = (n: number) => `e-${n}`

/** The SDK: it sends again what is unanswered, and what Redis may have lost. */
export async function openSdkPublisher(port: number): Promise<Publisher> {
  const client = createClient({ url: `http://127.0.0.1:${port}` })
  return {
    async publish(events) {
      await client.publish(
        TOPIC,
        events.map(({ n, data }) => ({ id: idOf(n), data: JSON.parse(data) })),
      )
    },
    hasEnded: false,
    isTenacious: true,
    close: () => void client.close({ deadlineMs: 0 }),
  }
}
