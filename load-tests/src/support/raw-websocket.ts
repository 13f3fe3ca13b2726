import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { SUBPROTOCOL } from '@tidegate/protocol'

/** Where a server has its WebSocket; by default where a gateway has it. */
export interface RawPlace {
  readonly path?: string
  /** Empty: none is asked for. */
  readonly subprotocol?: string
  /**
   * The address that the connection comes from. Only where it matters: the kernel looks for a port as soon as an address
   * is bound, which costs milliseconds a connection once thousands have closed.
   */
  readonly localAddress?: string
}

/**
 * A WebSocket client that costs the load generator next to nothing: frames are built once and masked with the zero key
 * (legal, and the identity), and received frames, text or binary, are handed on as bytes. For measuring servers, not for use.
 */
export class RawWebSocket {
  readonly #socket: Socket
  readonly #onMessage: (payload: Buffer) => void
  readonly #onClose: (code: number | undefined) => void
  readonly #place: RawPlace
  #closeCode: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  #upgraded = false
  #opened: (() => void) | undefined

  /** @param onClose called once an open connection has ended, with the server's close code if it sent one */
  constructor(
    port: number,
    onMessage: (payload: Buffer) => void,
    onClose: (code: number | undefined) => void = () => undefined,
    place: RawPlace = {},
  ) {
    this.#onMessage = onMessage
    this.#onClose = onClose
    this.#place = place
    const { localAddress } = place
    this.#socket = connect({ port, host: '127.0.0.1', ...(localAddress !== undefined && { localAddress }) })
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk) => this.#read(chunk))
  }

  async open(): Promise<void> {
    const { path = '/v1/ws', subprotocol = SUBPROTOCOL } = this.#place
    await new Promise<void>((resolve, reject) => {
      this.#opened = resolve
      this.#socket.once('error', reject)
      this.#socket.once('close', () => reject(new Error('the server closed the connection')))
      this.#socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
          (subprotocol === '' ? '\r\n' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`),
      )
    })
    this.#socket.removeAllListeners('close')
    this.#socket.once('close', () => this.#onClose(this.#closeCode))
    this.#socket.on('error', () => {})
  }

  /** Bytes built by `encodeFrame`. They must not change until the kernel has taken them. */
  write(frame: Buffer): void {
    this.#socket.write(frame)
  }

  /** The same; what is written so in one turn of the event loop leaves in one write at its end. */
  writeTogether(frame: Buffer): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork()
      process.nextTick(() => this.#socket.uncork())
    }
    this.#socket.write(frame)
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Bytes that wait for the kernel. */
  get waitingBytes(): number {
    return this.#socket.writableLength
  }

  /** Stops reading: what comes fills the buffers of the kernel, then the server's. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (!this.#upgraded) {
      const end = data.indexOf('\r\n\r\n')
      if (end === -1) {
        this.#rest = data
        return
      }
      if (!data.subarray(0, end).includes('101')) {
        this.#socket.destroy(new Error(`upgrade refused: ${data.subarray(0, end).toString()}`))
        return
      }
      this.#upgraded = true
      data = data.subarray(end + 4)
      this.#opened?.()
    }
    for (;;) {
      const frame = readFrame(data)
      if (frame === undefined) break
      if (frame.opcode <= BINARY) this.#onMessage(frame.payload)
      if (frame.opcode === PING) this.#socket.write(encodeFrame(frame.payload, PONG).frame)
      if (frame.opcode === 8 && frame.payload.length >= 2) this.#closeCode = frame.payload.readUInt16BE(0)
      data = data.subarray(frame.size)
    }
    this.#rest = Buffer.from(data)
  }
}

/** Opcodes of RFC 6455. Below `TEXT` is the continuation of a message, which is handed on as it comes. */
const TEXT = 1
export const BINARY = 2
const PING = 9
const PONG = 10

/** A masked client frame around a payload; `payloadAt` is where the payload starts in it. */
export function encodeFrame(payload: Buffer, opcode = TEXT): { readonly frame: Buffer; readonly payloadAt: number } {
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8
  const payloadAt = 2 + extended + 4
  const frame = Buffer.alloc(payloadAt + payload.length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (extended === 0 ? payload.length : extended === 2 ? 126 : 127)
  if (extended === 2) frame.writeUInt16BE(payload.length, 2)
  if (extended === 8) frame.writeBigUInt64BE(BigInt(payload.length), 2)
  payload.copy(frame, payloadAt)
  return { frame, payloadAt }
}

function readFrame(data: Buffer): { opcode: number; payload: Buffer; size: number } | undefined {
  if (data.length < 2) return undefined
  const short = data[1]! & 0x7f
  const head = short < 126 ? 2 : short === 126 ? 4 : 10
  if (data.length < head) return undefined
  const length = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2))
  if (data.length < head + length) return undefined
  return { opcode: data[0]! & 0x0f, payload: data.subarray(head, head + length), size: head + length }
}
