import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorReply } from '../../http/replies.ts'
import { ReceivedBody } from '../received-body.ts'
import type { RequestHead } from '../request-head.ts'
import type { HttpRequest, HttpResponse, StreamResponse, TransportHandlers } from '../transport.ts'
import { NodeStream } from './node-stream.ts'

/** Answers one request whose head was read. */
export function serve(
  { method, path, query, headers }: Extract<RequestHead, { kind: 'read' }>,
  request: IncomingMessage,
  response: ServerResponse,
  handlers: TransportHandlers,
): void {
  const isHead = method === 'HEAD'
  const received = new ReceivedBody(handlers)
  response.once('close', () => received.release())
  const reply = (answer: HttpResponse | StreamResponse) => {
    received.release()
    if (answer.kind === 'whole') return write(response, answer, isHead)
    const hasStream = beginStream(response, answer, isHead)
    new NodeStream(hasStream ? response : undefined, handlers).open(answer)
  }
  const body = method === 'GET' || isHead ? skip(request) : collect(request, response, received)
  const asked: HttpRequest = {
    method,
    path,
    query,
    remoteAddress: remoteAddress(request),
    header: (name) => headers.get(name),
    body: () => body,
    onLeave(listener) {
      response.once('close', listener)
    },
  }
  handlers
    .request(asked)
    .catch((error) => errorReply('internal', handlers.defect('a request', error)))
    .then(reply)
    .catch((error) => {
      handlers.defect('the answer to a request', error)
      response.destroy()
    })
}

/** Empty if the peer has gone. */
export function remoteAddress({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? ''
}

/** @param isHead the answer is to HEAD: its head is that of the answer to GET, and nothing comes behind it. */
export function write(response: ServerResponse, { status, headers, body }: HttpResponse, isHead = false): void {
  if (response.destroyed) return
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(isHead ? undefined : body)
}

/** False when no stream follows: to HEAD, or to a client that has gone. */
function beginStream(response: ServerResponse, { status, headers }: StreamResponse, isHead: boolean): boolean {
  if (response.destroyed) return false
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
      if (response.headersSent) request.socket.destroy()
      else write(response, refusal)
    })
    request.on('end', () => resolve(received.whole()))
  })
}
