import { createServer, type RequestListener, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Server as NetServer, type Socket } from 'node:net'
import { contextOf, type Tls } from '../../../tls.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { Transport, TransportHandlers } from '../transport.ts'
import { answerToBrokenRequest } from './broken-request.ts'
import { listen } from './listen.ts'
import { NodeConnection } from './node-connection.ts'
import { readHead, serve } from './node-request.ts'
import { createUpgrade } from './node-upgrade.ts'

/** How often unfinished requests are checked. */
const CHECK_MS = 1_000

export interface NodeTransportOptions {
  readonly idleMs?: number
  /** Absent: connections are not encrypted. */
  readonly tls?: Tls
}

/** Creates the transport on `node:http` and `ws`. It does not listen yet. */
export function createNodeTransport(
  handlers: TransportHandlers,
  { idleMs = TRANSPORT_LIMITS.idleMs, tls }: NodeTransportOptions = {},
): Transport {
  /** Of TCP. With TLS some of them are not in `connections` yet. */
  const sockets = new Set<Socket>()
  const connections = new Map<Socket, NodeConnection>()
  const upgrade = createUpgrade(handlers)
  const options: ServerOptions = {
    maxHeaderSize: TRANSPORT_LIMITS.headBytes,
    headersTimeout: idleMs,
    keepAliveTimeout: idleMs,
    requestTimeout: TRANSPORT_LIMITS.bodyMs,
    // Node would answer a request without a host, and read on.
    requireHostHeader: false,
    connectionsCheckingInterval: CHECK_MS,
  }
  const secure =
    tls &&
    createTlsServer({
      ...options,
      ...contextOf(tls),
      requestCert: tls.clientCa !== undefined,
      handshakeTimeout: idleMs,
    })
  const server = secure ?? createServer(options)
  server.setTimeout(idleMs)
  // Node would silently drop header lines above this number. Their bytes are bounded already.
  server.maxHeadersCount = 0
  server.on('connection', (socket) => {
    socket.on('error', () => {})
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (!handlers.accept(socket.remoteAddress ?? '')) socket.destroy()
  })
  server.on(secure === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    if (socket.destroyed) return
    connections.set(socket, new NodeConnection(socket))
    socket.once('close', () => connections.delete(socket))
    // A client that ends its side has gone: nobody waits for its answer.
    socket.once('end', () => socket.destroy())
    socket.on('error', () => {})
  })
  const take: RequestListener = (request, response) => {
    const connection = connections.get(request.socket)
    const head = readHead(request)
    if (head.kind === 'refused') connection?.refuse(head.answer)
    else connection?.take({ request, response, begin: () => serve(head, request, response, handlers) })
  }
  server.on('request', take)
  // Node would answer by itself, and read on whatever is wrong with the head.
  server.on('checkExpectation', take)
  server.on('upgrade', (request, socket, head) => {
    if (connections.get(request.socket)?.leave()) upgrade(request, request.socket, head)
    else socket.destroy()
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const answer = answerToBrokenRequest(error.code)
    if (answer === undefined || !socket.writable) socket.destroy()
    else connections.get(socket)?.refuse(answer)
  })
  return {
    listen: (address) => listen(server, address),
    async renew(next) {
      secure?.setSecureContext(contextOf(next))
    },
    // The HTTP server's own method would also close connections idle for a moment, under a request on its way.
    stopListening: () => void NetServer.prototype.close.call(server),
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
