import type { StreamHandler, TransportHandlers } from './transport.ts'

/** RFC 6455: an unexpected condition. */
export const CLOSE_INTERNAL = 1_011

/**
 * Wraps the handler of one connection for a transport: errors it throws are reported and end this connection alone, and
 * `closed` is called once and last.
 */
export class GuardedHandler<Handler extends StreamHandler> {
  readonly #what: 'socket' | 'stream'
  readonly #handlers: Pick<TransportHandlers, 'defect'>
  readonly #abort: () => void
  #handler: Handler | undefined
  #isClosed = false

  /** @param abort ends the connection after a defect. MUST be idempotent. */
  constructor(what: 'socket' | 'stream', handlers: Pick<TransportHandlers, 'defect'>, abort: () => void) {
    this.#what = what
    this.#handlers = handlers
    this.#abort = abort
  }

  open(create: () => Handler): void {
    this.#bounded('open', () => {
      this.#handler = create()
    })
    // The connection may have ended meanwhile, before there was a handler.
    if (this.#isClosed) this.#bounded('close', () => this.#handler?.closed())
  }

  call(where: string, action: (handler: Handler) => void): void {
    if (this.#isClosed || this.#handler === undefined) return
    const handler = this.#handler
    this.#bounded(where, () => action(handler))
  }

  drained(): void {
    this.call('drain', (handler) => handler.drained())
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#bounded('close', () => this.#handler?.closed())
  }

  #bounded(where: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#handlers.defect(`${where} of a ${this.#what}`, error)
      this.#abort()
    }
  }
}
