import { ERROR_CODES } from '@tidegate/protocol'
import { errorReply } from '../http/replies.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { HttpResponse, TransportHandlers } from './transport.ts'

/** Bodies are handled within milliseconds: their room is free by then. */
const NO_ROOM_RETRY_MS = 1_000

/** The body of one request while it arrives and while it is handled: its bytes are held for as long. */
export class ReceivedBody {
  readonly #handlers: Pick<TransportHandlers, 'holdBody' | 'releaseBody'>
  #chunks: Buffer[] | undefined = []
  #bytes = 0
  #heldBytes = 0

  constructor(handlers: Pick<TransportHandlers, 'holdBody' | 'releaseBody'>) {
    this.#handlers = handlers
  }

  /**
   * Adds what has come; a body over `bodyBytes`, or of a request that has been answered, is no longer kept.
   *
   * @returns why no more of it is read, if so
   */
  add(chunk: Buffer): HttpResponse | undefined {
    this.#bytes += chunk.length
    if (this.#bytes > TRANSPORT_LIMITS.discardedBytes) {
      return errorReply('frame_too_large', `The body is larger than ${TRANSPORT_LIMITS.bodyBytes} bytes.`)
    }
    if (this.#bytes > TRANSPORT_LIMITS.bodyBytes) this.release()
    if (this.#chunks === undefined) return undefined
    if (!this.#handlers.holdBody(chunk.length)) {
      this.release()
      return errorReply('overloaded', ERROR_CODES.overloaded, NO_ROOM_RETRY_MS)
    }
    this.#heldBytes += chunk.length
    this.#chunks.push(chunk)
    return undefined
  }

  /** All of it; `undefined` when it is longer than `bodyBytes`. */
  whole(): Buffer | undefined {
    return this.#chunks && Buffer.concat(this.#chunks)
  }

  /** It is no longer needed. Idempotent. */
  release(): void {
    this.#chunks = undefined
    if (this.#heldBytes > 0) this.#handlers.releaseBody(this.#heldBytes)
    this.#heldBytes = 0
  }
}
