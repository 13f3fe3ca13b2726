import type { AddressInfo } from 'node:net'
import type { ClientFrame, ServerFrame } from '@tidegate/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { welcome } from './welcome.ts'

type FrameOf<Type extends ClientFrame['type']> = Extract<ClientFrame, { type: Type }>

const DEADLINE_MS = 15_000

/** One connection as the server sees it: what the client sent waits until the test asks for it. */
export class Peer {
  readonly socket: WebSocket
  /** Everything received so far, in order. */
  readonly received: ClientFrame[] = []
  /** UTF-8 bytes sent so far. */
  sentBytes = 0
  readonly closed: Promise<number>
  readonly #taken = new Set<ClientFrame>()

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => this.received.push(JSON.parse(String(data))))
    this.closed = new Promise((resolve) => socket.once('close', resolve))
  }

  /** The next frame of this type that was not taken yet. */
  async take<Type extends ClientFrame['type']>(type: Type): Promise<FrameOf<Type>> {
    const find = () => this.received.find((frame) => frame.type === type && !this.#taken.has(frame))
    await until(() => find() !== undefined, `a frame ${type}`)
    const frame = find()!
    this.#taken.add(frame)
    return frame as FrameOf<Type>
  }

  /** The next so many `publish` frames. */
  async takePublishes(count: number): Promise<FrameOf<'publish'>[]> {
    const frames: FrameOf<'publish'>[] = []
    while (frames.length < count) frames.push(await this.take('publish'))
    return frames
  }

  send(frame: ServerFrame | { readonly type: 'novelty' }): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(text: string): void {
    this.sentBytes += Buffer.byteLength(text)
    this.socket.send(text)
  }

  ack(seq: number): void {
    this.send({ type: 'ack', seq, at: [`0@e/${seq}-0.0`] })
  }

  reject(seq: number, code: 'unavailable' | 'out_of_order' | 'conflict', retryAfterMs?: number): void {
    this.send({ type: 'reject', seq, code, message: code, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }

  /** A command is done, as the entity's version 1. */
  done(id: string): void {
    this.send({ type: 'answer', id, status: 'done', version: 1, epoch: 'e', events: [] })
  }

  /** A command is refused for now, or for good. */
  refuse(id: string, code: string, retryAfterMs?: number): void {
    const again = retryAfterMs !== undefined && { retryAfterMs }
    this.send({ type: 'answer', id, status: 'rejected', code, message: code, ...again })
  }

  /** The next so many commands. */
  async takeCommands(count: number): Promise<FrameOf<'command'>[]> {
    const frames: FrameOf<'command'>[] = []
    while (frames.length < count) frames.push(await this.take('command'))
    return frames
  }

  /** Waits for `hello` and answers it. */
  async greet(changes: Parameters<typeof welcome>[0] = {}): Promise<FrameOf<'hello'>> {
    const hello = await this.take('hello')
    this.send(welcome(changes))
    return hello
  }

  /** Proves that whatever the client sends on its own has arrived: its answer to a ping comes after it. */
  async settled(): Promise<void> {
    const time = Math.floor(Math.random() * 1e9)
    this.send({ type: 'ping', time })
    for (;;) if ((await this.take('pong')).time === time) return
  }
}

/** A real WebSocket server that does nothing unless told. */
export class ScriptedServer {
  readonly url: string
  readonly #server: WebSocketServer
  readonly #peers: Peer[] = []
  readonly #paths: string[] = []
  #taken = 0

  private constructor(server: WebSocketServer) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (socket, request) => {
      this.#paths.push(`${request.url} ${socket.protocol}`)
      this.#peers.push(new Peer(socket))
    })
  }

  static async start(port = 0): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port, host: '127.0.0.1' })
    await new Promise((resolve) => server.once('listening', resolve))
    return new ScriptedServer(server)
  }

  /** Path and subprotocol of every connection so far. */
  get asked(): readonly string[] {
    return this.#paths
  }

  /** The next connection that was not taken yet. */
  async peer(): Promise<Peer> {
    await until(() => this.#peers.length > this.#taken, 'a connection')
    return this.#peers[this.#taken++]!
  }

  /** The next connection, greeted. */
  async greeted(welcome?: Parameters<Peer['greet']>[0]): Promise<Peer> {
    const peer = await this.peer()
    await peer.greet(welcome)
    return peer
  }

  /** Cuts every connection without a close frame. */
  cut(): void {
    for (const { socket } of this.#peers) socket.terminate()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Asks every 2 ms until it is so. @throws after 5 s. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; !isSo(); ) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
