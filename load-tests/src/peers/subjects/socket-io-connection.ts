import { encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'
import { Pending } from '../load/pending.ts'

/** Packets of Engine.IO and, behind `4`, of Socket.IO, as they begin. */
const OPEN = '0'
const PING = '2'
const PONG = '3'
const CONNECT = '40'
const EVENT = Buffer.from('42')
const ACK = '43'
const PLACE = { path: '/socket.io/?EIO=4&transport=websocket', subprotocol: '' }

/** By which a session is recovered: what `CONNECT` said, and the end of the last event. */
export interface SessionPlace {
  readonly pid: string
  readonly offset: string
}

/** As much of a Socket.IO client as the benchmark needs. */
export class SocketIoConnection {
  readonly #socket: RawWebSocket
  readonly #onEvent: (payload: Buffer) => void
  readonly #pending = new Pending<number>()
  readonly #place: SessionPlace | undefined
  #calls = 0
  #onConnected: () => void = () => {}
  pid = ''

  /** @param place a session to recover */
  constructor(port: number, onEvent: (payload: Buffer) => void, onEnd: () => void, place?: SessionPlace) {
    this.#onEvent = onEvent
    this.#place = place
    this.#socket = new RawWebSocket(
      port,
      (payload) => this.#receive(payload),
      () => {
        this.#pending.failAll(new Error('the server ended the connection'))
        onEnd()
      },
      PLACE,
    )
  }

  async open(): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      this.#onConnected = resolve
    })
    await this.#socket.open()
    await connected
  }

  /** Emits with an acknowledgement. @param args JSON of the arguments, without brackets */
  emit(name: string, args = ''): Promise<void> {
    const id = this.#calls++
    this.#send(`42${id}["${name}"${args === '' ? '' : `,${args}`}]`)
    return this.#pending.add(id)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  get isClosed(): boolean {
    return this.#socket.isClosed
  }

  close(): void {
    this.#socket.close()
  }

  #receive(payload: Buffer): void {
    if (payload.subarray(0, EVENT.length).equals(EVENT)) return this.#onEvent(payload)
    const text = payload.toString('utf8')
    if (text === PING) this.#send(PONG)
    else if (text.startsWith(ACK)) this.#pending.answer(Number.parseInt(text.slice(ACK.length), 10))
    else if (text.startsWith(CONNECT)) {
      this.pid = JSON.parse(text.slice(CONNECT.length)).pid
      this.#onConnected()
    } else if (text.startsWith(OPEN)) {
      this.#send(this.#place === undefined ? CONNECT : CONNECT + JSON.stringify(this.#place))
    }
  }

  #send(text: string): void {
    this.#socket.writeTogether(encodeFrame(Buffer.from(text)).frame)
  }
}
