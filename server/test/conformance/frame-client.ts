import { type ClientFrame, type ServerFrame, SUBPROTOCOL } from '@tidegate/protocol'
import type { SocketConstructor } from '../../../client-sdk/src/connection/socket.ts'

type FrameOf<Type extends ServerFrame['type']> = Extract<ServerFrame, { type: Type }>

interface Socket {
  onopen: (() => void) | null
  onmessage: ((message: { readonly data: unknown }) => void) | null
  onclose: ((close: { readonly code: number; readonly reason: string }) => void) | null
  onerror: (() => void) | null
  send(data: string): void
  close(): void
}

const DEADLINE_MS = 10_000

/** A client that sends what a test says, over any WebSocket class, and remembers what came back. */
export class FrameClient {
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  /** Of all frames, as `credit` counts them. */
  receivedBytes = 0
  readonly #socket: Socket
  readonly #opened: Promise<void>
  #frames: ServerFrame[] = []
  #wake = () => {}

  constructor({ WebSocket, url }: { readonly WebSocket: SocketConstructor; readonly url: string }) {
    const socket = new WebSocket(`${url}/v1/ws`, SUBPROTOCOL) as unknown as Socket
    this.#socket = socket
    socket.onerror = () => {}
    socket.onmessage = ({ data }) => {
      this.receivedBytes += Buffer.byteLength(String(data))
      this.#frames.push(JSON.parse(String(data)) as ServerFrame)
      this.#wake()
    }
    this.#opened = new Promise((resolve) => {
      socket.onopen = resolve
    })
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => resolve({ code, reason: String(reason) })
    })
  }

  /** Sends `hello`. @returns its `welcome` */
  async hello(changes: Partial<Extract<ClientFrame, { type: 'hello' }>> = {}): Promise<FrameOf<'welcome'>> {
    await this.send({ type: 'hello', protocol: 1, client: 'conformance', ...changes })
    return this.next('welcome')
  }

  async send(frame: ClientFrame): Promise<void> {
    await this.sendText(JSON.stringify(frame))
  }

  async sendText(text: string): Promise<void> {
    await this.#opened
    this.#socket.send(text)
  }

  /** The first frame of a type that was not taken yet. */
  async next<Type extends ServerFrame['type']>(type: Type): Promise<FrameOf<Type>> {
    const deadline = performance.now() + DEADLINE_MS
    for (;;) {
      const index = this.#frames.findIndex((frame) => frame.type === type)
      if (index >= 0) return this.#frames.splice(index, 1)[0] as FrameOf<Type>
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no ${type} came, but ${JSON.stringify(this.#frames).slice(0, 500)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** The frames of a type that have come and were not taken yet. */
  taken<Type extends ServerFrame['type']>(type: Type): FrameOf<Type>[] {
    const taken = this.#frames.filter((frame) => frame.type === type) as FrameOf<Type>[]
    this.#frames = this.#frames.filter((frame) => frame.type !== type)
    return taken
  }

  /** The next so many events of `batch` frames. */
  async events(
    count: number,
  ): Promise<readonly { readonly key: string; readonly at: string; readonly data: unknown }[]> {
    const events = []
    while (events.length < count) {
      const { parts } = await this.next('batch')
      for (const part of parts)
        events.push(...part.events.map((event) => ({ ...event, topic: part.topic, lane: part.lane })))
    }
    return events
  }

  close(): void {
    this.#socket.close()
  }
}
