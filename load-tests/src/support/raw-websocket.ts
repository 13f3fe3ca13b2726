import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { SUBPROTOCOL } from '@tidegate/protocol'

/**
 * A WebSocket client that costs the load generator next to nothing: frames are built once and masked with the zero key
 * (legal, and the identity), and received frames are handed on as bytes. For measuring servers, not for use.
 */
export class RawWebSocket {
  readonly #socket: Socket
  readonly #onText: (payload: Buffer) => void
  readonly #onClose: (code: number | undefined) => void
  #closeCode: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  #upgraded = false
  #opened: (() => void) | undefined

  /** @param onClose called once an open connection has ended, with the server's close code if it sent one */
  constructor(
    port: number,
    onText: (payload: Buffer) => void,
    onClose: (code: number | undefined) => void = () => undefined,
    localAddress = '127.0.0.1',
  ) {
    this.#onText = onText
    this.#onClose = onClose
    this.#socket = connect({ port, host: '127.0.0.1', localAddress })
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk) => this.#read(chunk))
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#opened = resolve
      this.#socket.once('error', reject)
      this.#socket.once('close', () => reject(new Error('the server closed the connection')))
      this.#socket.write(
        `GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
          `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`,
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
      if (frame.opcode === 1) this.#onText(frame.payload)
      if (frame.opcode === 8 && frame.payload.length >= 2) this.#closeCode = frame.payload.readUInt16BE(0)
      data = data.subarray(frame.size)
    }
    this.#rest = Buffer.from(data)
  }
}

/** A masked client text frame around a payload; `payloadAt` is where the payload starts in it. */
export function encodeFrame(payload: Buffer): { readonly frame: Buffer; readonly payloadAt: number } {
  const extended = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8
  const payloadAt = 2 + extended + 4
  const frame = Buffer.alloc(payloadAt + payload.length)
  frame[0] = 0x81
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
