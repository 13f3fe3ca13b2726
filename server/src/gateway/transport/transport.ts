/**
 * What the gateway needs of a WebSocket and HTTP server. `uws.ts` implements it; whatever implements it MUST pass the
 * transport conformance suite.
 */
export interface Transport {
  /** Starts listening. Rejects with a clear message when the address is taken. Port 0 takes a free one. */
  listen(address: ListenAddress): Promise<{ readonly port: number }>
  /** Stops accepting connections; open ones stay. */
  stopListening(): void
  /** Closes everything. MUST be idempotent. */
  close(): void
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** Several gateways of one machine listen on the same port, and the kernel spreads connections over them. */
  readonly shared: boolean
}

export interface TransportHandlers {
  /** A socket that asked for a subprotocol this server speaks was opened. */
  open(socket: TransportSocket): SocketHandler
  /** A rejected promise is answered with status 500. */
  request(request: HttpRequest): Promise<HttpResponse | StreamResponse>
  /** Something was thrown to the transport, which ends that one connection. Returns what to tell the client. MUST NOT throw. */
  defect(where: string, error: unknown): string
}

export interface TransportSocket {
  /**
   * `sent` went to the kernel, `buffered` waits in this process and counts in `bufferedBytes`, `dropped` was not taken:
   * the socket is over its limit or closed. MUST be callable after close.
   */
  send(frame: Buffer | string): 'sent' | 'buffered' | 'dropped'
  bufferedBytes(): number
  /** Closes with a code after what is buffered, or at once when the peer does not read. MUST be idempotent. */
  close(code: number, reason: string): void
}

export interface SocketHandler {
  /** One text frame, or `undefined` for a binary one. `bytes` is its length on the wire. */
  message(text: string | undefined, bytes: number): void
  /** Buffered bytes have shrunk. May be missed, so nothing may depend on it alone. */
  drained(): void
  closed(): void
}

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Value of a header by its lower-case name. */
  header(name: string): string | undefined
  /** The body, or `undefined` when it is longer than the transport's limit. */
  body(): Promise<Buffer | undefined>
}

export interface HttpResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** A response that goes on until one side ends it. */
export interface StreamResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Content without meaning, for a transport that can only tell whether bytes wait by writing some more. */
  readonly filler: string
  /** Called once, also when the client has gone by then: the handler is then told at once. */
  open(stream: TransportStream): StreamHandler
}

export interface TransportStream {
  /** As for sockets; bytes that wait are counted too high rather than too low. MUST be callable after close. */
  send(chunk: Buffer | string): 'sent' | 'buffered' | 'dropped'
  bufferedBytes(): number
  /** Ends the response and its connection; what waits may be lost. MUST be idempotent. */
  close(): void
}

export type StreamHandler = Pick<SocketHandler, 'drained' | 'closed'>
