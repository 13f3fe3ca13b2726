import type { HttpResponse as UwsResponse, us_listen_socket, WebSocket } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { LIMITS, SUBPROTOCOL } from '@tidegate/protocol'
import { claimPort } from '../../claim-port.ts'
import { errorReply } from '../http/replies.ts'
import { readRequestHead } from './request-head.ts'
import type {
  HttpRequest,
  HttpResponse,
  SocketHandler,
  StreamResponse,
  Transport,
  TransportHandlers,
  TransportSocket,
} from './transport.ts'
import { UwsStream } from './uws-stream.ts'

/** Frames up to this are received, so that one over `LIMITS.frameBytes` can be refused with a code; uWS cuts larger ones (1006). */
const RECEIVE_BYTES = 2 * LIMITS.frameBytes
/** Bytes uWS may hold for one socket before it drops: beyond any high-water mark, so that only a bug meets it. */
const MAX_BUFFERED_BYTES = 4 * 1_024 * 1_024
const CLOSE_GRACE_MS = 2_000
/** RFC 6455: an unexpected condition. */
const CLOSE_INTERNAL = 1_011
const MAX_BODY_BYTES = 2 * LIMITS.frameBytes
/** Only this path upgrades. */
const SOCKET_PATH = '/v1/ws'

type UwsModule = typeof import('uWebSockets.js')
interface SocketData {
  socket: UwsSocket
  handler: SocketHandler
}

/** @throws Error that explains which Node and glibc have a binary, when there is none. */
async function loadUws(): Promise<UwsModule> {
  try {
    return (await import('uWebSockets.js')).default as unknown as UwsModule
  } catch (cause) {
    throw new Error(
      `uWebSockets.js has no binary for Node ${process.version} on ${process.platform}-${process.arch}. ` +
        'Node 20 needs linux-x64 with glibc 2.27, Node 22 and 24 need glibc 2.38, macOS or Windows. See the support table in README.md.',
      { cause },
    )
  }
}

/** Creates the uWebSockets.js transport. It does not listen yet. */
export async function createUwsTransport(handlers: TransportHandlers): Promise<Transport> {
  const uWS = await loadUws()
  const app = uWS.App()
  let listening: us_listen_socket | undefined
  app.ws<Partial<SocketData>>(SOCKET_PATH, {
    maxPayloadLength: RECEIVE_BYTES,
    maxBackpressure: MAX_BUFFERED_BYTES,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade(response, request, context) {
      const offered = request.getHeader('sec-websocket-protocol')
      if (!offered.split(',').some((name) => name.trim() === SUBPROTOCOL)) {
        write(response, errorReply('invalid_frame', `Ask for the WebSocket subprotocol ${SUBPROTOCOL}.`))
        return
      }
      const key = request.getHeader('sec-websocket-key')
      response.upgrade<Partial<SocketData>>(
        {},
        key,
        SUBPROTOCOL,
        request.getHeader('sec-websocket-extensions'),
        context,
      )
    },
    open(ws) {
      const data = ws.getUserData()
      data.socket = new UwsSocket(ws)
      bounded('open of a socket', data.socket, () => {
        data.handler = handlers.open(data.socket!)
      })
    },
    message(ws, message, isBinary) {
      const { socket, handler } = ws.getUserData()
      bounded('message of a socket', socket!, () => {
        const text = isBinary ? undefined : Buffer.from(message).toString('utf8')
        handler?.message(text, message.byteLength)
      })
    },
    drain(ws) {
      const { socket, handler } = ws.getUserData()
      bounded('drain of a socket', socket!, () => handler?.drained())
    },
    close(ws) {
      const { socket, handler } = ws.getUserData()
      socket!.markClosed()
      bounded('close of a socket', socket!, () => handler?.closed())
    },
  })
  // What is thrown in a callback of uWS ends the process.
  const bounded = (where: string, socket: UwsSocket, action: () => void) => {
    try {
      action()
    } catch (error) {
      handlers.defect(where, error)
      socket.close(CLOSE_INTERNAL, '')
    }
  }
  app.any('/*', (response, request) => {
    try {
      serve(response, request, handlers)
    } catch (error) {
      giveUp(response, handlers, error)
    }
  })
  return {
    async listen({ host, port, shared }) {
      // uWS' own exclusive mode lacks SO_REUSEADDR: after a crash it would refuse the port until old connections are gone.
      // And a port that uWS picks itself (0) it does not share.
      const chosen = shared && port !== 0 ? port : await claimPort(host, port)
      return new Promise((resolve, reject) => {
        app.listen(host, chosen, (socket) => {
          if (!socket) {
            reject(new Error(`Cannot listen on ${host}:${chosen}. Choose another port with --port.`))
            return
          }
          listening = socket
          resolve({ port: uWS.us_socket_local_port(socket) })
        })
      })
    },
    stopListening() {
      if (listening !== undefined) uWS.us_listen_socket_close(listening)
      listening = undefined
    },
    close() {
      listening = undefined
      app.close()
    },
  }
}

class UwsSocket implements TransportSocket {
  #ws: WebSocket<Partial<SocketData>> | undefined
  #closing: NodeJS.Timeout | undefined

  constructor(ws: WebSocket<Partial<SocketData>>) {
    this.#ws = ws
  }

  send(frame: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    switch (this.#ws?.send(frame, false, false)) {
      case 1:
        return 'sent'
      case 0:
        return 'buffered'
      default:
        return 'dropped'
    }
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0
  }

  close(code: number, reason: string): void {
    if (this.#ws === undefined || this.#closing !== undefined) return
    // A peer that does not read never takes the close frame: give it a moment, then cut.
    this.#closing = setTimeout(() => this.#ws?.close(), CLOSE_GRACE_MS)
    this.#ws.end(code, reason)
  }

  /** uWS throws on any use after close. */
  markClosed(): void {
    clearTimeout(this.#closing)
    this.#ws = undefined
  }
}

function serve(
  response: UwsResponse,
  request: import('uWebSockets.js').HttpRequest,
  handlers: TransportHandlers,
): void {
  let stream: UwsStream | undefined
  let aborted = false
  response.onAborted(() => {
    aborted = true
    stream?.markClosed()
  })
  const head = readRequestHead({
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    headers: headerLines(request),
  })
  if (head.kind === 'unframed') {
    refuseAndClose(response, head.answer)
    return
  }
  if (head.kind === 'refused') {
    write(response, head.answer)
    return
  }
  const { method, path, query, headers } = head
  const isHead = method === 'HEAD'
  const reply = (answer: HttpResponse | StreamResponse) => {
    if ('open' in answer) {
      if (!aborted) response.cork(() => beginStream(response, answer, isHead))
      stream = new UwsStream(aborted || isHead ? undefined : response, answer.filler)
      stream.open(answer)
    } else if (!aborted) response.cork(() => write(response, answer, isHead))
  }
  const body = method === 'GET' || isHead ? Promise.resolve(Buffer.alloc(0)) : collect(response)
  const asked: HttpRequest = { method, path, query, header: (name) => headers.get(name), body: () => body }
  handlers
    .request(asked)
    .catch((error) => errorReply('internal', handlers.defect('a request', error)))
    .then(reply)
    .catch((error) => giveUp(response, handlers, error))
}

/** Nothing more can be said on this connection. */
function giveUp(response: UwsResponse, handlers: TransportHandlers, error: unknown): void {
  handlers.defect('the answer to a request', error)
  try {
    response.close()
  } catch {
    // It is closed, which uWS tells by throwing.
  }
}

function headerLines(request: import('uWebSockets.js').HttpRequest): [name: string, value: string][] {
  const lines: [string, string][] = []
  request.forEach((name, value) => {
    lines.push([name, value])
  })
  return lines
}

/** uWS keeps what a handler writes in a buffer of this size until the handler returns, and drops it if the handler closes. */
const CORK_BYTES = 16_384

/**
 * Answers and closes, so that nothing that follows on the connection is read. After `end` uWS would first answer what it
 * has received already, whether or not it was asked to close. `close` in its place leaves two things to do here: the
 * status line, which is written as it is, carries the whole answer, and its body is long enough to leave the buffer.
 */
function refuseAndClose(response: UwsResponse, answer: HttpResponse): void {
  const body = answer.body.toString().padEnd(CORK_BYTES)
  const headers = { ...answer.headers, connection: 'close', 'content-length': `${Buffer.byteLength(body)}` }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  response.writeStatus([statusLine(answer.status), ...lines, '', body].join('\r\n'))
  response.close()
}

function collect(response: UwsResponse): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let chunks: Buffer[] | undefined = []
    let bytes = 0
    response.onData((chunk, isLast) => {
      bytes += chunk.byteLength
      if (bytes > MAX_BODY_BYTES) chunks = undefined
      // uWS takes the memory back after this call.
      chunks?.push(Buffer.from(new Uint8Array(chunk)))
      if (isLast) resolve(chunks && Buffer.concat(chunks))
    })
  })
}

/** @param isHead the answer is to HEAD: its head is that of the answer to GET, and nothing comes behind it. */
function write(response: UwsResponse, answer: HttpResponse, isHead = false): void {
  writeHead(response, answer)
  if (!isHead) {
    response.end(answer.body)
    return
  }
  // Told the length by `endWithoutBody`, uWS would wait for the body for ever and close at the next request.
  response.writeHeader('Content-Length', `${Buffer.byteLength(answer.body)}`)
  response.endWithoutBody()
}

function beginStream(response: UwsResponse, { status, headers }: StreamResponse, isHead: boolean): void {
  if (!isHead) return writeHead(response, { status, headers: { ...headers, connection: 'close' } })
  writeHead(response, { status, headers })
  response.endWithoutBody()
}

function writeHead(response: UwsResponse, { status, headers = {} }: Pick<HttpResponse, 'status' | 'headers'>): void {
  response.writeStatus(statusLine(status))
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value)
}

function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`
}
