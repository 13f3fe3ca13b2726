import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js'
import { errorReply } from '../../http/replies.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import { finalResponse, headersOf, NO_CONTENT, statusLine } from '../raw-response.ts'
import { ReceivedBody } from '../received-body.ts'
import { type ReadHead, readRequestHead } from '../request-head.ts'
import type { Arrival, HttpRequest, HttpResponse, StreamResponse, TransportHandlers } from '../transport.ts'
import type { Peer } from '../upgrade.ts'
import { UwsStream } from './uws-stream.ts'

/** Reads the head of a request. One that cannot be served is refused here, and `undefined` is returned. */
export function readHead(response: UwsResponse, request: UwsRequest): ReadHead | undefined {
  const head = readRequestHead({
    method: request.getCaseSensitiveMethod(),
    // uWS refuses a target that names the server, and every version but 1.1.
    authority: undefined,
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    version: '1.1',
    headers: headerLines(request),
  })
  if (head.kind === 'read') return head
  refuseAndClose(response, head.answer)
  return undefined
}

/** Answers one request whose head was read. */
export function serve(
  response: UwsResponse,
  { method, path, query, headers }: ReadHead,
  peer: Peer,
  handlers: TransportHandlers,
): void {
  let stream: UwsStream | undefined
  let aborted = false
  let left = () => {}
  const arrival: Arrival = { ...peer, header: (name) => headers.get(name) }
  const received = new ReceivedBody(handlers, arrival)
  response.onAborted(() => {
    aborted = true
    received.close()
    stream?.markClosed()
    left()
  })
  const isHead = method === 'HEAD'
  const isChunked = headers.has('transfer-encoding')
  const reply = (answer: HttpResponse | StreamResponse) => {
    if (answer.kind === 'stream') {
      if (!aborted) response.cork(() => beginStream(response, answer, isHead))
      stream = new UwsStream(aborted || isHead ? undefined : response, handlers)
      stream.open(answer)
    } else if (!aborted && answer.isLast) refuseAndClose(response, answer)
    else if (!aborted) response.cork(() => write(response, answer, { isHead, closes: isChunked }))
  }
  const body =
    method === 'GET' || isHead ? Promise.resolve(Buffer.alloc(0)) : collect(response, received, () => aborted)
  const asked: HttpRequest = {
    ...arrival,
    method,
    path,
    query,
    body: () => body,
    onLeave(listener) {
      left = listener
    },
  }
  handlers
    .request(asked)
    .catch((error) => errorReply('internal', handlers.defect('a request', error)))
    .then(async (answer) => {
      received.release()
      // After its answer a client continues to send, and nobody could end that.
      await body
      if (isChunked) await pastReceived()
      received.close()
      reply(answer)
    })
    .catch((error) => giveUp(response, handlers, error))
}

/**
 * uWS takes two bytes behind the last chunk for the empty line, whatever they are, and reads a trailer `A:GET /x HTTP/1.1` as a
 * request. Before an answer that ends the connection; what came with the body ends it before.
 */
function pastReceived(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

/** Empty if the peer has gone. */
export function remoteAddress(response: UwsResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString('latin1')
}

/** Nothing more can be said on this connection. */
export function giveUp(response: UwsResponse, handlers: TransportHandlers, error: unknown): void {
  handlers.defect('the answer to a request', error)
  try {
    response.close()
  } catch {
    // Already closed: uWS reports that by throwing.
  }
}

function headerLines(request: UwsRequest): [name: string, value: string][] {
  const lines: [string, string][] = []
  request.forEach((name, value) => {
    lines.push([name, value])
  })
  return lines
}

/** uWS buffers up to this many bytes of a handler's writes until it returns, and drops them if the handler closes. */
const CORK_BYTES = 16_384

/**
 * Answers and closes, so that nothing that follows on the connection is read. After `end` uWS would first answer
 * requests it has received already, even if told to close. With `close` instead, two things remain to do here: the
 * status line, which is written unchanged, carries the whole answer, and its body is long enough to leave the buffer.
 */
export function refuseAndClose(response: UwsResponse, answer: HttpResponse): void {
  response.writeStatus(finalResponse({ ...answer, body: answer.body.toString().padEnd(CORK_BYTES) }))
  response.close()
}

/** Stays pending when the client leaves, or no more of it is read. */
function collect(response: UwsResponse, received: ReceivedBody, hasGone: () => boolean): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let late: NodeJS.Timeout | undefined
    response.onData((chunk, isLast) => {
      const refusal = received.add(new Uint8Array(chunk))
      if (isLast || refusal !== undefined) clearTimeout(late)
      else late ??= setTimeout(() => hasGone() || response.close(), TRANSPORT_LIMITS.bodyMs)
      if (refusal !== undefined && !hasGone()) refuseAndClose(response, refusal)
      else if (isLast) resolve(received.whole())
    })
  })
}

interface Ending {
  /** The answer is to HEAD: its head is that of the answer to GET, and nothing comes behind it. */
  readonly isHead: boolean
  /** The connection ends with it. */
  readonly closes: boolean
}

export function write(response: UwsResponse, answer: HttpResponse, { isHead, closes }: Ending): void {
  writeHead(response, answer)
  const { status, body } = answer
  if (!isHead && status !== NO_CONTENT) {
    response.end(body, closes)
    return
  }
  const length = status === NO_CONTENT ? 0 : Buffer.byteLength(body)
  // It closes only if it gets the length. Then it waits for the body and closes at the next request.
  if (closes) {
    response.endWithoutBody(length, true)
    return
  }
  if (status !== NO_CONTENT) response.writeHeader('Content-Length', `${length}`)
  response.endWithoutBody()
}

function beginStream(response: UwsResponse, { status, headers }: StreamResponse, isHead: boolean): void {
  if (!isHead) return writeHead(response, { status, headers: { ...headers, connection: 'close' } })
  writeHead(response, { status, headers })
  response.endWithoutBody()
}

function writeHead(response: UwsResponse, answer: Pick<HttpResponse, 'status' | 'headers'>): void {
  response.writeStatus(statusLine(answer.status))
  for (const [name, value] of Object.entries(headersOf(answer))) response.writeHeader(name, value)
}
