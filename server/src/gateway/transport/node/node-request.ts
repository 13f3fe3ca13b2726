import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { errorReply } from '../../http/replies.ts'
import { headersOf, NO_CONTENT } from '../raw-response.ts'
import { ReceivedBody } from '../received-body.ts'
import { type ReadHead, type RequestHead, readRequestHead } from '../request-head.ts'
import type { Arrival, HttpRequest, HttpResponse, StreamResponse, TransportHandlers } from '../transport.ts'
import type { Peer } from '../upgrade.ts'
import { headerLines } from './header-lines.ts'
import { NodeStream } from './node-stream.ts'
import { splitTarget } from './request-target.ts'

export function readHead(request: IncomingMessage): RequestHead {
  return readRequestHead({
    method: request.method!,
    ...splitTarget(request.url!),
    version: request.httpVersion,
    headers: headerLines(request.rawHeaders),
  })
}

/** Answers one request whose head was read. */
export function serve(
  { method, path, query, headers }: ReadHead,
  request: IncomingMessage,
  response: ServerResponse,
  handlers: TransportHandlers,
): void {
  const isHead = method === 'HEAD'
  const arrival: Arrival = { ...peerOf(request), header: (name) => headers.get(name) }
  const received = new ReceivedBody(handlers, arrival)
  response.once('close', () => received.close())
  const reply = (answer: HttpResponse | StreamResponse) => {
    if (answer.kind === 'whole') return write(response, answer, isHead)
    const hasStream = beginStream(response, answer, isHead)
    new NodeStream(hasStream ? response : undefined, handlers).open(answer)
  }
  const body = method === 'GET' || isHead ? skip(request) : collect(request, response, received)
  const asked: HttpRequest = {
    ...arrival,
    method,
    path,
    query,
    body: () => body,
    onLeave(listener) {
      response.once('close', listener)
    },
  }
  handlers
    .request(asked)
    .catch((error) => errorReply('internal', handlers.defect('a request', error)))
    .then(async (answer) => {
      received.release()
      // After its answer a client continues to send, and nobody would count that.
      await body
      reply(answer)
    })
    .catch((error) => {
      handlers.defect('the answer to a request', error)
      response.destroy()
    })
}

export function peerOf({ socket }: IncomingMessage): Peer {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.toString() : undefined
  // Empty if the peer has gone.
  return { remoteAddress: socket.remoteAddress ?? '', certificate }
}

/** @param isHead the answer is to HEAD: its head is that of the answer to GET, and nothing comes behind it. */
export function write(response: ServerResponse, answer: HttpResponse, isHead = false): void {
  if (response.destroyed) return
  const { status, body, isLast } = answer
  // Node closes the connection then, and answers nothing that follows.
  if (isLast) response.shouldKeepAlive = false
  const length = status === NO_CONTENT ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headersOf(answer), ...length })
  response.end(isHead ? undefined : body)
}

/** False when no stream follows: to HEAD, or to a client that has gone. */
function beginStream(response: ServerResponse, answer: StreamResponse, isHead: boolean): boolean {
  if (response.destroyed) return false
  const { status } = answer
  const headers = headersOf(answer)
  if (isHead) {
    response.writeHead(status, headers).end()
    return false
  }
  // Only the session knows when a stream is idle.
  response.socket?.setTimeout(0)
  response.writeHead(status, { ...headers, connection: 'close' }).flushHeaders()
  return true
}

function skip(request: IncomingMessage): Promise<Buffer> {
  request.resume()
  return Promise.resolve(Buffer.alloc(0))
}

/** Stays pending when the client leaves, or no more of it is read. */
function collect(
  request: IncomingMessage,
  response: ServerResponse,
  received: ReceivedBody,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      const refusal = received.add(chunk)
      if (refusal === undefined) return
      request.pause()
      response.once('finish', () => request.socket.destroySoon())
      write(response, refusal)
    })
    request.on('end', () => resolve(received.whole()))
  })
}
