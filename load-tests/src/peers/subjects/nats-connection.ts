import { BINARY, encodeFrame, RawWebSocket } from '../../support/raw-websocket.ts'

/** A message of the server, `MSG` or `HMSG`. */
export interface NatsMessage {
  readonly subject: string
  /** With its headers, if it has some. */
  readonly payload: string
}

const PLACE = { path: '/', subprotocol: '' }
const CONNECT = '{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"raw","version":"1"}'
const LINE_END = Buffer.from('\r\n')
const PING = Buffer.from('PING\r\n')
const PONG = 'PONG\r\n'

/** As much of the NATS client protocol as the benchmark needs, over WebSocket. */
export class NatsConnection {
  readonly #socket: RawWebSocket
  readonly #onMessage: (message: NatsMessage) => void
  #rest = Buffer.alloc(0)
  #onPong: () => void = () => {}

  constructor(port: number, onMessage: (message: NatsMessage) => void, onEnd: () => void = () => {}) {
    this.#onMessage = onMessage
    this.#socket = new RawWebSocket(port, (chunk) => this.#read(chunk), onEnd, PLACE)
  }

  async open(): Promise<void> {
    await this.#socket.open()
    this.send(`CONNECT ${CONNECT}\r\n`)
    await this.flush()
  }

  send(text: string): void {
    this.#socket.writeTogether(encodeFrame(Buffer.from(text), BINARY).frame)
  }

  /** Resolves once the server has read everything sent so far. One at a time. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#onPong = resolve
      this.send('PING\r\n')
    })
  }

  get isClosed(): boolean {
    return this.#socket.isClosed
  }

  close(): void {
    this.#socket.close()
  }

  #read(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (let end = data.indexOf(LINE_END); end !== -1; end = data.indexOf(LINE_END)) {
      const words = data.toString('latin1', 0, end).split(' ')
      const isMessage = words[0] === 'MSG' || words[0] === 'HMSG'
      const payloadAt = end + LINE_END.length
      const next = isMessage ? payloadAt + Number(words.at(-1)) + LINE_END.length : payloadAt
      if (next > data.length) break
      if (isMessage) this.#onMessage({ subject: words[1]!, payload: data.toString('utf8', payloadAt, next) })
      else this.#obey(words[0]!)
      data = data.subarray(next)
    }
    this.#rest = Buffer.from(data)
  }

  #obey(word: string): void {
    if (word === 'PING') this.send(PONG)
    if (word === 'PONG') this.#onPong()
  }
}

/** Hands on the bytes of a subscription unread, but for what keeps it alive. */
export class NatsFeed {
  readonly #socket: RawWebSocket
  #isOpen = false
  #onOpen: () => void = () => {}

  constructor(port: number, onBytes: (chunk: Buffer) => void, onEnd: () => void) {
    this.#socket = new RawWebSocket(
      port,
      (chunk) => {
        if (chunk.subarray(-PING.length).equals(PING)) this.#send(PONG)
        if (this.#isOpen) onBytes(chunk)
        else if (chunk.includes(PONG)) this.#onOpen()
      },
      onEnd,
      PLACE,
    )
  }

  /** @param commands what subscribes */
  async open(commands: string): Promise<void> {
    await this.#socket.open()
    await new Promise<void>((resolve) => {
      this.#onOpen = resolve
      this.#send(`CONNECT ${CONNECT}\r\n${commands}PING\r\n`)
    })
    this.#isOpen = true
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.close()
  }

  #send(text: string): void {
    this.#socket.write(encodeFrame(Buffer.from(text), BINARY).frame)
  }
}
