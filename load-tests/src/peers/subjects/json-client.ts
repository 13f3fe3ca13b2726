import { encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'
import { Pending } from '../load/pending.ts'
import type { PeerEvent, Publisher, Reader, Subscriber } from '../subject.ts'

/**
 * The protocol of the servers written by hand: `{"seq":1,"events":[...]}` is answered with `{"ack":1}` or `{"fail":1}`, and
 * `{"from":"now"}` or `{"from":"earliest"}` with `{"subscribed":true}` and events.
 */
const PLACE = { path: '/', subprotocol: '' }

class JsonPublisher implements Publisher {
  readonly #socket: RawWebSocket
  readonly #pending = new Pending<number>()
  #seq = 0

  constructor(port: number) {
    this.#socket = new RawWebSocket(
      port,
      (payload) => this.#receive(payload.toString('latin1')),
      () => this.#pending.failAll(new Error('the server ended the connection')),
      PLACE,
    )
  }

  open(): Promise<void> {
    return this.#socket.open()
  }

  publish(events: readonly PeerEvent[]): Promise<void> {
    const seq = ++this.#seq
    const list = events.map(({ data }) => data).join()
    this.#socket.writeTogether(encodeFrame(Buffer.from(`{"seq":${seq},"events":[${list}]}`)).frame)
    return this.#pending.add(seq)
  }

  get hasEnded(): boolean {
    return this.#socket.isClosed
  }

  close(): void {
    this.#socket.close()
  }

  #receive(text: string): void {
    const [, word, seq] = /^\{"(ack|fail)":(\d+)/.exec(text) ?? []
    if (word === 'ack') this.#pending.answer(Number(seq))
    else if (word === 'fail') this.#pending.fail(Number(seq), new Error(text))
  }
}

export async function openJsonPublisher(port: number): Promise<Publisher> {
  const publisher = new JsonPublisher(port)
  await publisher.open()
  return publisher
}

export async function openJsonSubscriber(
  port: number,
  reader: Reader,
  from: 'now' | 'earliest' = 'now',
): Promise<Subscriber> {
  let onSubscribed = () => {}
  const socket = new RawWebSocket(
    port,
    (payload) => (payload.length < 30 ? onSubscribed() : reader.receive(payload)),
    () => reader.end?.(),
    PLACE,
  )
  await socket.open()
  await new Promise<void>((resolve) => {
    onSubscribed = resolve
    socket.write(encodeFrame(Buffer.from(`{"from":"${from}"}`)).frame)
  })
  return socket
}
