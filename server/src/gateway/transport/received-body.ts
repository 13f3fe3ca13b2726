import { errorReply } from '../http/replies.ts'
import { TRANSPORT_LIMITS } from './limits.ts'
import type { Arrival, BodyAccount, HttpResponse, TransportHandlers } from './transport.ts'

const NOTHING = Buffer.alloc(0)
/** Parts that are paid for together after the first one: to pay for a part of one byte costs more than to keep it. */
const PARTS_PAID_TOGETHER = 32
/** Unless they have this many bytes before. */
const BYTES_PAID_TOGETHER = 16_384

/** The body of one request while it arrives and while it is handled: its memory is held for as long. */
export class ReceivedBody {
  readonly #handlers: Pick<TransportHandlers, 'body'>
  readonly #arrival: Arrival
  /** With its first part. */
  #account: BodyAccount | undefined
  /** One piece with room at its end: a list of parts would take many times their bytes if they were small. */
  #kept: Buffer | undefined = NOTHING
  #bytes = 0
  #unpaidBytes = 0
  #unpaidParts = 0

  constructor(handlers: Pick<TransportHandlers, 'body'>, arrival: Arrival) {
    this.#handlers = handlers
    this.#arrival = arrival
  }

  /**
   * Adds what has come; a body over `bodyBytes`, or of a request that has been answered, is no longer kept.
   *
   * @param chunk is copied
   * @returns why no more of it is read, if so
   */
  add(chunk: Uint8Array): HttpResponse | undefined {
    if (chunk.length === 0) return undefined
    this.#account ??= this.#handlers.body(this.#arrival)
    const start = this.#bytes
    this.#bytes += chunk.length
    this.#unpaidBytes += chunk.length
    this.#unpaidParts++
    if (this.#bytes > TRANSPORT_LIMITS.discardedBytes) {
      return errorReply('frame_too_large', `The body is larger than ${TRANSPORT_LIMITS.bodyBytes} bytes.`)
    }
    if (this.#bytes > TRANSPORT_LIMITS.bodyBytes) this.release()
    const refusal = this.#payIfDue(this.#account) ?? this.#grow(this.#account)
    if (refusal !== undefined) this.release()
    this.#kept?.set(chunk, start)
    return refusal
  }

  /** All of it; `undefined` when it is longer than `bodyBytes`. */
  whole(): Buffer | undefined {
    return this.#kept?.subarray(0, this.#bytes)
  }

  /** It is no longer needed; what still comes counts. Idempotent. */
  release(): void {
    this.#kept = undefined
    this.#account?.release()
  }

  /** Nothing more of it comes. Idempotent. */
  close(): void {
    this.release()
    if (this.#account === undefined) return
    this.#pay(this.#account)
    this.#account.close()
  }

  #payIfDue(account: BodyAccount): HttpResponse | undefined {
    const isFirst = this.#unpaidBytes === this.#bytes
    const isDue = isFirst || this.#unpaidParts >= PARTS_PAID_TOGETHER || this.#unpaidBytes >= BYTES_PAID_TOGETHER
    return isDue ? this.#pay(account) : undefined
  }

  #pay(account: BodyAccount): HttpResponse | undefined {
    if (this.#unpaidParts === 0) return undefined
    const refusal = account.came(this.#unpaidBytes, this.#unpaidParts)
    this.#unpaidBytes = 0
    this.#unpaidParts = 0
    return refusal
  }

  /** Makes room for all that has come. */
  #grow(account: BodyAccount): HttpResponse | undefined {
    const kept = this.#kept
    if (kept === undefined || this.#bytes <= kept.length) return undefined
    const size = Math.min(TRANSPORT_LIMITS.bodyBytes, Math.max(2 * kept.length, this.#bytes))
    const refusal = account.keep(size - kept.length)
    if (refusal !== undefined) return refusal
    this.#kept = Buffer.allocUnsafeSlow(size)
    this.#kept.set(kept)
    return undefined
  }
}
