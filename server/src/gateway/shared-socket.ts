import { CLOSE, formatShared, parseShared, sharedPrefix } from '@tidegate/protocol'
import type { SocketHandler, TransportSocket } from './transport/transport.ts'

/** Tabs that somebody has open. */
const MAX_CLIENTS = 64
/** As long as a socket may be open without `hello`. */
const EMPTY_MS = 5_000

/** Why a connection is closed. */
export interface Closing {
  readonly code: number
  readonly reason: string
}

export interface SharedSocketHost {
  /** Why no further client is taken now, if so. */
  refuse(): Closing | undefined
  /** A client has come. It is handled as on a socket of its own. */
  open(socket: TransportSocket): SocketHandler
  /** A message that is no frame of a client, of so many bytes. Returns why the socket is to be closed, if so. */
  spent(bytes: number): Closing | undefined
  closed(): void
}

/** A socket that several clients share: each has a connection of its own, with its frames, limits and end. */
export class SharedSocket implements SocketHandler {
  readonly #socket: TransportSocket
  readonly #host: SharedSocketHost
  readonly #clients = new Map<number, SharedClient>()
  #emptyTimer: NodeJS.Timeout | undefined

  constructor(socket: TransportSocket, host: SharedSocketHost) {
    this.#socket = socket
    this.#host = host
    this.#whenEmpty()
  }

  message(content: Buffer, isText: boolean): void {
    const message = isText ? parseShared(content.toString('utf8')) : undefined
    if (message === undefined) return this.#socket.close(CLOSE.protocol, 'protocol_error')
    const client = this.#clients.get(message.client)
    if (client !== undefined && message.kind === 'frame') {
      return client.message(content.subarray(sharedPrefix(message.client).length))
    }
    const refusal = this.#host.spent(content.length)
    if (refusal !== undefined) return this.#socket.close(refusal.code, refusal.reason)
    // Frames for a client that has just been closed have crossed its end.
    if (message.kind === 'close') client?.end()
    if (message.kind !== 'open') return
    if (client !== undefined) return this.#socket.close(CLOSE.protocol, 'protocol_error')
    this.#open(message.client)
  }

  drained(): void {
    for (const client of this.#clients.values()) client.drained()
  }

  closed(): void {
    for (const client of [...this.#clients.values()]) client.end()
    clearTimeout(this.#emptyTimer)
    this.#host.closed()
  }

  #open(number: number): void {
    const refusal = this.#clients.size < MAX_CLIENTS ? this.#host.refuse() : TOO_MANY
    if (refusal !== undefined) {
      this.#socket.send(formatShared({ kind: 'close', client: number, ...refusal }))
      return
    }
    clearTimeout(this.#emptyTimer)
    this.#socket.send(formatShared({ kind: 'open', client: number }))
    const client = new SharedClient(this.#socket, number, () => {
      this.#clients.delete(number)
      this.#whenEmpty()
    })
    this.#clients.set(number, client)
    client.use(this.#host.open(client))
  }

  #whenEmpty(): void {
    if (this.#clients.size > 0) return
    this.#emptyTimer = setTimeout(() => this.#socket.close(CLOSE.idle, 'no client'), EMPTY_MS)
  }
}

/** More sockets may be opened. */
const TOO_MANY: Closing = { code: CLOSE.overload, reason: 'too many clients on this socket' }

/** The socket of one client, as its connection sees it. */
class SharedClient implements TransportSocket {
  readonly #socket: TransportSocket
  readonly #number: number
  readonly #prefix: string
  readonly #prefixBytes: Buffer
  readonly #onEnd: () => void
  #handler: SocketHandler | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(socket: TransportSocket, number: number, onEnd: () => void) {
    this.#socket = socket
    this.#number = number
    this.#prefix = sharedPrefix(number)
    this.#prefixBytes = Buffer.from(this.#prefix)
    this.#onEnd = onEnd
  }

  /** The handler may have closed it already. */
  use(handler: SocketHandler): void {
    this.#handler = handler
    if (this.#state === 'closed') handler.closed()
  }

  message(frame: Buffer): void {
    if (this.#state === 'open') this.#handler?.message(frame, true)
  }

  drained(): void {
    if (this.#state === 'open') this.#handler?.drained()
  }

  send(frame: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    if (this.#state !== 'open') return 'dropped'
    return this.#socket.send(
      typeof frame === 'string' ? this.#prefix + frame : Buffer.concat([this.#prefixBytes, frame]),
    )
  }

  together(sends: () => void): void {
    this.#socket.together(sends)
  }

  /** Of all clients: too many rather than too few. */
  bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#socket.bufferedBytes()
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    const isSaid = this.#socket.send(formatShared({ kind: 'close', client: this.#number, code, reason })) !== 'dropped'
    // A client that cannot be told must not wait for ever.
    if (!isSaid) this.#socket.close(code, reason)
    queueMicrotask(() => this.end())
  }

  /** Idempotent. */
  end(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#onEnd()
    this.#handler?.closed()
  }
}
