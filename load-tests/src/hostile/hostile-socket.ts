import { connect, type Socket } from 'node:net'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'

/** Limits count by address: the whole network 127/8 is this machine, on Linux without being set up. */
const HOSTILE_ADDRESS = '127.66.6.6'
/** Bytes in one write: floods are made of large ones, so that they cost the attacker little. */
const WRITE_BYTES = 65_536

const textFrame = (frame: object) => encodeFrame(Buffer.from(JSON.stringify(frame))).frame

/** A WebSocket that has said hello. */
export async function greeted(port: number, hello: object = {}): Promise<HostileSocket> {
  const socket = await HostileSocket.open(port)
  socket.send({ type: 'hello', protocol: 1, client: 'hostile', ...hello })
  return socket
}

/** A WebSocket client that sends what it likes and reads nothing of what comes, beyond counting it. */
export class HostileSocket {
  readonly #socket: RawWebSocket
  isClosed = false

  private constructor(port: number) {
    this.#socket = new RawWebSocket(
      port,
      () => {},
      () => {
        this.isClosed = true
      },
      { localAddress: HOSTILE_ADDRESS },
    )
  }

  static async open(port: number): Promise<HostileSocket> {
    const hostile = new HostileSocket(port)
    try {
      await hostile.#socket.open()
      return hostile
    } catch (error) {
      hostile.close()
      throw error
    }
  }

  send(frame: object): void {
    this.#socket.write(textFrame(frame))
  }

  /** Whole frames, as many as fill one write. Rejects when the connection has ended. */
  async flood(frameOf: (i: number) => object): Promise<number> {
    const frames: Buffer[] = []
    for (let bytes = 0; bytes < WRITE_BYTES; ) {
      const frame = textFrame(frameOf(frames.length))
      frames.push(frame)
      bytes += frame.length
    }
    await this.write(Buffer.concat(frames))
    return frames.length
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.isClosed) throw new Error('closed')
    this.#socket.write(bytes)
    await new Promise((resolve) => setImmediate(resolve))
    // No faster than the gateway takes it: what waits here would be the attacker's own memory.
    while (this.#socket.waitingBytes > 4 * WRITE_BYTES && !this.isClosed) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    if (this.isClosed) throw new Error('closed')
  }

  pause(): void {
    this.#socket.pause()
  }

  close(): void {
    this.#socket.close()
  }
}

/** A plain connection. */
export class HostilePeer {
  readonly socket: Socket
  isClosed = false

  constructor(port: number, text = '') {
    this.socket = connect({ port, host: '127.0.0.1', localAddress: HOSTILE_ADDRESS })
    this.socket.on('close', () => {
      this.isClosed = true
    })
    this.socket.on('error', () => {})
    this.socket.resume()
    if (text !== '') this.socket.write(text)
  }

  /** Rejects when the connection has ended. */
  async write(text: string | Buffer): Promise<void> {
    if (this.isClosed) throw new Error('closed')
    if (this.socket.write(text)) return
    await new Promise<void>((resolve) => {
      this.socket.once('drain', resolve)
      this.socket.once('close', resolve)
    })
  }

  close(): void {
    this.socket.destroy()
  }
}
