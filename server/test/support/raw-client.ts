import { SUBPROTOCOL } from '@tidegate/protocol'
import { WebSocket } from 'ws'

type Frame = Record<string, unknown> & { type: string }

/** A WebSocket client that sends exactly what a test says and remembers what came back. */
export class RawClient {
  readonly frames: Frame[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket
  #wake = () => {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      this.frames.push(JSON.parse(String(data)) as Frame)
      this.#wake()
    })
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  static async connect(
    port: number,
    subprotocol: string = SUBPROTOCOL,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, subprotocol, { perMessageDeflate: false, headers })
    const client = new RawClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return client
  }

  /** Connects and says hello. */
  static async greeted(
    port: number,
    hello: object = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(port, SUBPROTOCOL, headers)
    client.send({ type: 'hello', protocol: 1, client: 'test', ...hello })
    await client.next('welcome')
    return client
  }

  send(frame: object): void {
    this.sendRaw(JSON.stringify(frame))
  }

  sendRaw(data: string | Buffer): void {
    this.#socket.send(data)
  }

  /** The first frame of a type not taken yet; waits for it. */
  async next(type: string, deadlineMs = 5_000): Promise<Frame> {
    const deadline = performance.now() + deadlineMs
    for (;;) {
      const index = this.frames.findIndex((frame) => frame.type === type)
      if (index !== -1) return this.frames.splice(index, 1)[0]!
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no ${type} frame came; there are ${JSON.stringify(this.frames).slice(0, 500)}`)
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        new Promise((resolve) => setTimeout(resolve, left)),
      ])
    }
  }

  /** Reads nothing any more. */
  pause(): void {
    this.#socket.pause()
  }

  close(): void {
    this.#socket.terminate()
  }
}
