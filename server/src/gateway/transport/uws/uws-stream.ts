import { GuardedHandler } from '../guarded-handler.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { StreamHandler, StreamResponse, TransportHandlers, TransportStream } from '../transport.ts'

/** The used part of a uWS response. */
interface UwsResponse {
  cork(write: () => void): unknown
  /** False when data of the previous write still waits. */
  write(chunk: Buffer | string): boolean
  end(): unknown
  close(): unknown
  onWritable(handler: () => boolean): unknown
}

/** A comment of server-sent events: content without meaning. */
const FILLER = ':\n\n'

/**
 * A chunked response. uWS does not report how much of it waits, only, at the next write, that something does: it is
 * counted here. With a handler for writable events uWS passes waiting data to the kernel only on a write: hence the
 * filler.
 */
export class UwsStream implements TransportStream {
  readonly #handler: GuardedHandler<StreamHandler>
  #response: UwsResponse | undefined
  #bufferedBytes = 0
  /** Bytes of the previous write: whether they wait is known only at the next one. */
  #lastBytes = 0

  /** @param response with its head written, or `undefined` when its connection has gone */
  constructor(response: UwsResponse | undefined, handlers: TransportHandlers) {
    this.#response = response
    this.#handler = new GuardedHandler('stream', handlers, () => this.close())
  }

  open(answer: StreamResponse): void {
    this.#response?.onWritable(() => {
      if (this.#write(FILLER, FILLER.length) === 'sent') this.#handler.drained()
      return true
    })
    this.#handler.open(() => answer.open(this))
    if (this.#response === undefined) this.#handler.closed()
  }

  send(chunk: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    return this.#bufferedBytes > TRANSPORT_LIMITS.bufferedBytes
      ? 'dropped'
      : this.#write(chunk, Buffer.byteLength(chunk))
  }

  bufferedBytes(): number {
    return this.#bufferedBytes
  }

  close(): void {
    const response = this.#response
    if (response === undefined) return
    this.#response = undefined
    // A peer that does not read would keep the response open for ever. If uWS were told to close the connection at the
    // end, it would write a header into the body: the client closes, as the head asks, or the idle limit does.
    if (this.#bufferedBytes > 0) response.close()
    else response.cork(() => response.end())
    this.#gone()
  }

  /** The connection is gone: uWS throws on any further use. */
  markClosed(): void {
    this.#response = undefined
    this.#gone()
  }

  #gone(): void {
    this.#bufferedBytes = 0
    this.#handler.closed()
  }

  #write(chunk: Buffer | string, bytes: number): 'sent' | 'buffered' | 'dropped' {
    const response = this.#response
    if (response === undefined) return 'dropped'
    let flushed = false
    response.cork(() => {
      flushed = response.write(chunk)
    })
    this.#bufferedBytes = flushed ? 0 : Math.max(this.#bufferedBytes, this.#lastBytes) + bytes
    this.#lastBytes = bytes
    return flushed ? 'sent' : 'buffered'
  }
}
