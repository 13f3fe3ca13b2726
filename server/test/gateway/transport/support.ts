import { connect, type Socket } from 'node:net'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { WebSocket } from 'ws'
import { LOAD, type TransportName } from '../../../src/gateway/transport/create-transport.ts'
import type {
  Arrival,
  BodyAccount,
  HttpRequest,
  HttpResponse,
  SocketHandler,
  StreamHandler,
  StreamResponse,
  Transport,
  TransportHandlers,
  TransportSocket,
  TransportStream,
} from '../../../src/gateway/transport/transport.ts'

export const IMPLEMENTATIONS: readonly TransportName[] = ['uws', 'node']
const DEADLINE_MS = 15_000
const FULL: HttpResponse = { kind: 'whole', status: 503, body: 'overloaded' }

/** Runs a part of the suite for every transport, each with a server of its own. */
export function describeTransports(title: string, suite: (server: () => TestServer) => void): void {
  describe.each(IMPLEMENTATIONS)(`%s: ${title}`, (name) => {
    let server: TestServer
    beforeAll(async () => {
      server = await TestServer.start(name)
    })
    afterEach(() => server.reset())
    afterAll(() => server.close())
    suite(() => server)
  })
}

/** A socket or stream as its handler saw it. */
export class Seen {
  readonly messages: { readonly text: string | undefined; readonly bytes: number }[] = []
  drained = 0
  closed = 0
}

export class SeenSocket extends Seen {
  readonly socket: TransportSocket
  readonly arrival: Arrival
  constructor(socket: TransportSocket, arrival: Arrival) {
    super()
    this.socket = socket
    this.arrival = arrival
  }
}

export class SeenStream extends Seen {
  readonly stream: TransportStream
  constructor(stream: TransportStream) {
    super()
    this.stream = stream
  }
}

/** A request that the handlers got. */
export interface SeenRequest extends Omit<HttpRequest, 'body'> {
  /** Once it is there. */
  body: Buffer | undefined | 'pending'
}

type Answer = (request: HttpRequest) => Promise<HttpResponse | StreamResponse>

/** A transport that listens, with handlers that write down what they are called with. */
export class TestServer implements TransportHandlers {
  readonly sockets: SeenSocket[] = []
  readonly streams: SeenStream[] = []
  readonly requests: SeenRequest[] = []
  readonly defects: string[] = []
  onAccept: (remoteAddress: string) => boolean = () => true
  onUpgrade: (arrival: Arrival) => HttpResponse | undefined = () => undefined
  /** Called with each socket while it is opened, and with each message. */
  onOpen: (seen: SeenSocket) => void = () => {}
  onMessage: (seen: SeenSocket, text: string | undefined) => void = () => {}
  onDrained: (seen: Seen) => void = () => {}
  answer: Answer = echo
  bodyBytes = 0
  maxBodyBytes = Number.POSITIVE_INFINITY
  cameBytes = 0
  maxCameBytes = Number.POSITIVE_INFINITY
  readonly name: TransportName
  transport!: Transport
  port = 0

  private constructor(name: TransportName) {
    this.name = name
  }

  /** @param create where it is not the transport as it is used */
  static async create(name: TransportName, create = LOAD[name]): Promise<TestServer> {
    const server = new TestServer(name)
    server.transport = await create(server)
    return server
  }

  static async start(name: TransportName, create = LOAD[name]): Promise<TestServer> {
    const server = await TestServer.create(name, create)
    await server.listen(0)
    return server
  }

  async listen(port: number, shared = false): Promise<number> {
    this.port = (await this.transport.listen({ host: '127.0.0.1', port, shared })).port
    return this.port
  }

  accept(remoteAddress: string): boolean {
    return this.onAccept(remoteAddress)
  }

  upgrade(arrival: Arrival): HttpResponse | undefined {
    return this.onUpgrade(arrival)
  }

  open(socket: TransportSocket, arrival: Arrival): SocketHandler {
    const seen = new SeenSocket(socket, arrival)
    this.sockets.push(seen)
    this.onOpen(seen)
    return {
      message: (frame, isText) => {
        const text = isText ? frame.toString() : undefined
        seen.messages.push({ text, bytes: frame.length })
        this.onMessage(seen, text)
      },
      ...this.#end(seen),
    }
  }

  async request(request: HttpRequest): Promise<HttpResponse | StreamResponse> {
    const { body: _, ...head } = request
    const seen: SeenRequest = { ...head, body: 'pending' }
    this.requests.push(seen)
    request.body().then((body) => {
      seen.body = body
    })
    return this.answer(request)
  }

  /** An answer that is a stream. */
  stream(
    headers: Readonly<Record<string, string>> = {},
    onOpen: (seen: SeenStream) => void = () => {},
  ): StreamResponse {
    return {
      kind: 'stream',
      status: 200,
      headers: { 'content-type': 'text/event-stream', ...headers },
      open: (stream) => {
        const seen = new SeenStream(stream)
        this.streams.push(seen)
        onOpen(seen)
        return this.#end(seen)
      },
    }
  }

  #end(seen: Seen): StreamHandler {
    return {
      drained: () => {
        seen.drained++
        this.onDrained(seen)
      },
      closed: () => {
        seen.closed++
      },
    }
  }

  body(): BodyAccount {
    let held = 0
    let isClosed = false
    const release = () => {
      this.bodyBytes -= held
      held = 0
    }
    return {
      came: (bytes) => {
        if (!isClosed) this.cameBytes += bytes
        return this.cameBytes > this.maxCameBytes ? FULL : undefined
      },
      keep: (bytes) => {
        if (this.bodyBytes + bytes > this.maxBodyBytes) return FULL
        this.bodyBytes += bytes
        held += bytes
        return undefined
      },
      release,
      close: () => {
        isClosed = true
        release()
      },
    }
  }

  defect(where: string, error: unknown): string {
    this.defects.push(`${where}: ${(error as Error).message}`)
    return 'a defect'
  }

  /** What one test did is not seen by the next. */
  reset(): void {
    for (const { socket } of this.sockets.splice(0)) socket.close(1_000, '')
    for (const { stream } of this.streams.splice(0)) stream.close()
    this.requests.length = 0
    this.defects.length = 0
    this.onAccept = () => true
    this.onUpgrade = () => undefined
    this.onOpen = () => {}
    this.onMessage = () => {}
    this.onDrained = () => {}
    this.answer = echo
    this.maxBodyBytes = Number.POSITIVE_INFINITY
    this.cameBytes = 0
    this.maxCameBytes = Number.POSITIVE_INFINITY
  }

  close(): void {
    this.transport.close()
  }

  /** A client of `ws`, and how the server saw it. */
  async connect(): Promise<{ client: WebSocket; seen: SeenSocket }> {
    const count = this.sockets.length
    const client = new WebSocket(`ws://127.0.0.1:${this.port}/v1/ws`, SUBPROTOCOL)
    client.on('error', () => {})
    await eventually(() => client.readyState === client.OPEN && this.sockets.length > count, 'an open socket')
    return { client, seen: this.sockets.at(-1)! }
  }

  /** A plain connection that has become a socket, and how the server saw it. */
  async upgraded(): Promise<{ peer: RawPeer; seen: SeenSocket }> {
    const count = this.sockets.length
    const peer = this.raw(handshake())
    await peer.answers(1)
    await eventually(() => this.sockets.length > count, 'a socket')
    return { peer, seen: this.sockets.at(-1)! }
  }

  /** A plain connection, and something written to it. */
  raw(text = ''): RawPeer {
    return new RawPeer(this.port, text)
  }
}

const echo: Answer = async (request) => ({ kind: 'whole', status: 200, body: `${request.method} ${request.path}\n` })

/** A TCP client that keeps what comes. */
export class RawPeer {
  readonly socket: Socket
  #bytes: Buffer[] = []
  isClosed = false

  constructor(port: number, text: string) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('data', (data) => this.#bytes.push(data))
    this.socket.on('close', () => {
      this.isClosed = true
    })
    this.socket.on('error', () => {})
    this.write(text)
  }

  write(text: string | Buffer): void {
    if (text.length > 0) this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** Everything received. */
  get bytes(): Buffer {
    return Buffer.concat(this.#bytes)
  }

  get text(): string {
    return this.bytes.toString('utf8')
  }

  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
  }

  /** Waits until so many answers have begun. */
  answers(count: number): Promise<void> {
    return eventually(
      () => this.statuses.length >= count,
      `${count} answers`,
      () => this.text,
    )
  }

  closed(): Promise<void> {
    return eventually(
      () => this.isClosed,
      'the end of the connection',
      () => this.text,
    )
  }

  destroy(): void {
    this.socket.destroy()
  }
}

export function get(path: string, ...headers: string[]): string {
  return request('GET', path, headers)
}

export function request(method: string, path: string, headers: readonly string[], body = ''): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: x', ...headers].join('\r\n')}\r\n\r\n${body}`
}

export const HANDSHAKE: Readonly<Record<string, string>> = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': SUBPROTOCOL,
}

/** A WebSocket handshake with some headers changed, or left out where they are `undefined`. */
export function handshake(changes: Readonly<Record<string, string | undefined>> = {}, path = '/v1/ws'): string {
  const headers = Object.entries({ ...HANDSHAKE, ...changes }).filter(([, value]) => value !== undefined)
  return get(path, ...headers.map(([name, value]) => `${name}: ${value}`))
}

/** A client frame of fewer than 65,536 bytes, masked with zeros. */
export function clientFrame(firstByte: number, payload: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(payload)
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0x80 | 126, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.from([firstByte, ...length, 0, 0, 0, 0]), bytes])
}

export async function eventually(isSo: () => boolean, what: string, state: () => unknown = () => ''): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`still waiting for ${what}; ${String(state()).slice(-300)}`)
    await pause(5)
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
/** For what must not come: far longer than it takes on loopback. */
export const QUIET_MS = 100
