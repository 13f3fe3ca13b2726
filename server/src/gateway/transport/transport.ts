import type { Tls } from '../../tls.ts'

/**
 * The gateway's view of a WebSocket and HTTP server. The rules are in `SPEC.md`; every implementation MUST pass
 * `server/test/gateway/transport`.
 */
export interface Transport {
  /** Starts listening. Rejects with a clear message when the address is taken. Port 0 takes a free one. */
  listen(address: ListenAddress): Promise<{ readonly port: number }>
  /**
   * Another certificate, key and authorities for new connections; the open ones stay as they are. Rejects if they
   * cannot be used, and then the ones before stay in use. Without TLS it does nothing.
   */
  renew(tls: Tls): Promise<void>
  /** Stops accepting connections; open ones stay and are served. */
  stopListening(): void
  /** Cuts every connection and calls `closed` of its handler. MUST be idempotent. */
  close(): void
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** Several gateways of one machine listen on the same port; the kernel spreads connections over them. */
  readonly shared: boolean
}

export interface TransportHandlers {
  /** A peer has connected. False: its connection is cut, unanswered. MUST NOT throw. */
  accept(remoteAddress: string): boolean
  /** A handshake that this server speaks. An answer refuses it. */
  upgrade(arrival: Arrival): HttpResponse | undefined
  /** A handshake was not refused, and its socket was opened. */
  open(socket: TransportSocket, arrival: Arrival): SocketHandler
  /** A rejected promise is answered with status 500. */
  request(request: HttpRequest): Promise<HttpResponse | StreamResponse>
  /** A body begins to arrive. MUST NOT throw. */
  body(arrival: Arrival): BodyAccount
  /** A handler threw, which ends that one connection. Returns what to tell the client. MUST NOT throw. */
  defect(where: string, error: unknown): string
}

/** Of one body. Its methods MUST NOT throw. */
export interface BodyAccount {
  /** Some parts have come, of so many bytes together, whether or not they are kept. An answer refuses the rest. */
  came(bytes: number, parts: number): HttpResponse | undefined
  /** So much more memory is needed to keep it. An answer refuses the rest. */
  keep(bytes: number): HttpResponse | undefined
  /** Nothing of it is kept any more. Idempotent. */
  release(): void
  /** Nothing more of it comes: it was answered, or its client has gone. Idempotent. */
  close(): void
}

/** The head of a request, and where it came from. */
export interface Arrival {
  /** Address of the peer, as the operating system writes it; empty if it has gone. */
  readonly remoteAddress: string
  /** The certificate of the client in PEM, which was verified; absent where none was asked for. */
  readonly certificate: string | undefined
  /** Value of a header by its lower-case name. */
  header(name: string): string | undefined
}

export interface TransportSocket {
  /**
   * `sent` went to the kernel, `buffered` waits in this process and counts in `bufferedBytes`, `dropped` was not
   * accepted: the socket is over its limit or closed. The buffer belongs to the caller again afterwards. MUST be
   * callable after close.
   */
  send(frame: Buffer | string): 'sent' | 'buffered' | 'dropped'
  /**
   * What is sent inside leaves in as few writes to the kernel as possible, once `sends` has returned: `sent` says that nothing
   * waits before it. What could not leave then counts in `bufferedBytes`, and `drained` follows.
   */
  together(sends: () => void): void
  /** Bytes that wait in this process; an estimate may be too high, not too low. */
  bufferedBytes(): number
  /**
   * Closes with a code after the buffered data; a peer that does not accept it within `closeGraceMs` is cut. Of later
   * events only `closed` reaches the handler. MUST be idempotent.
   */
  close(code: number, reason: string): void
}

export interface SocketHandler {
  /** One frame. Its bytes belong to the transport again afterwards. */
  message(frame: Buffer, isText: boolean): void
  /** The data that waited when a send returned `buffered` was sent. */
  drained(): void
  /** Once and last, whoever closed. */
  closed(): void
}

export interface HttpRequest extends Arrival {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /**
   * The body, or `undefined` when it is longer than `bodyBytes`. Stays pending when the client leaves before its end.
   */
  body(): Promise<Buffer | undefined>
  /** Calls it when the client has left before the end of its answer; it may be called after a whole answer too. */
  onLeave(listener: () => void): void
}

export interface HttpResponse {
  readonly kind: 'whole'
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Buffer
  /** Nothing more is read of its connection, which is closed. */
  readonly isLast?: boolean
}

/** A response of server-sent events that lasts until one side ends it. */
export interface StreamResponse {
  readonly kind: 'stream'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Called once, also when the client has gone by then: `closed` follows at once. */
  open(stream: TransportStream): StreamHandler
}

export interface TransportStream {
  /**
   * As for sockets, except that the chunk stays with the transport and MUST NOT be changed. It MUST hold whole events:
   * a transport may write a comment behind it. The head is written with the first chunk at the latest.
   */
  send(chunk: Buffer | string): 'sent' | 'buffered' | 'dropped'
  bufferedBytes(): number
  /** Ends the response, complete unless data waits, and its connection serves nothing else. MUST be idempotent. */
  close(): void
}

export type StreamHandler = Pick<SocketHandler, 'drained' | 'closed'>
