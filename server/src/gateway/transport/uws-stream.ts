import type { StreamHandler, StreamResponse, TransportStream } from './transport.ts'

/** What it needs of a uWS response. */
interface UwsResponse {
  cork(write: () => void): unknown
  /** False when something waits from the write before. */
  write(chunk: Buffer | string): boolean
  end(): unknown
  close(): unknown
  onWritable(handler: () => boolean): unknown
}

/** Beyond any high-water mark, so that only a bug meets it. */
const MAX_BUFFERED_BYTES = 4 * 1_024 * 1_024

/**
 * A chunked response. What waits in it uWS does not say, only, at the next write, that something does: it is counted
 * here. With a handler for writable events uWS gives what waits to the kernel only when something is written: the filler.
 */
export class UwsStream implements TransportStream {
  readonly #filler: string
  #response: UwsResponse | undefined
  #handler: StreamHandler | undefined
  #bufferedBytes = 0
  /** Of the write before: whether it waits is known only at the next. */
  #lastBytes = 0

  /** @param response with its head written, or `undefined` when its connection has gone */
  constructor(response: UwsResponse | undefined, filler: string) {
    this.#response = response
    this.#filler = filler
  }

  open(answer: StreamResponse): void {
    this.#response?.onWritable(() => {
      if (this.#write(this.#filler, this.#filler.length) === 'sent') this.#handler?.drained()
      return true
    })
    this.#handler = answer.open(this)
    if (this.#response === undefined) this.#handler.closed()
  }

  send(chunk: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    const bytes = Buffer.byteLength(chunk)
    return this.#bufferedBytes + bytes > MAX_BUFFERED_BYTES ? 'dropped' : this.#write(chunk, bytes)
  }

  bufferedBytes(): number {
    return this.#bufferedBytes
  }

  close(): void {
    const response = this.#response
    if (response === undefined) return
    this.#response = undefined
    // A peer that does not read would keep the response open for ever.
    if (this.#bufferedBytes > 0) response.close()
    else response.cork(() => response.end())
    this.#handler?.closed()
  }

  /** The connection is gone: uWS throws on any further use. */
  markClosed(): void {
    if (this.#response === undefined) return
    this.#response = undefined
    this.#handler?.closed()
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
