import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { WebSocketServer } from 'ws'
import { errorReply } from '../../http/replies.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import { readRequestHead } from '../request-head.ts'
import type { TransportHandlers } from '../transport.ts'
import { admit, arrivalOf, refuseUpgrade, SOCKET_PATH } from '../upgrade.ts'
import { headerLines } from './header-lines.ts'
import { remoteAddress, serve, write } from './node-request.ts'
import { NodeSocket } from './node-socket.ts'
import { splitTarget } from './request-target.ts'

/** Handles a connection whose request asks for another protocol; Node has stopped reading it. */
export type Upgrade = (request: IncomingMessage, socket: Socket, head: Buffer) => void

export function createUpgrade(handlers: TransportHandlers): Upgrade {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: TRANSPORT_LIMITS.frameBytes,
    handleProtocols: () => SUBPROTOCOL,
  })
  return (request, socket, head) => {
    const lines = headerLines(request.rawHeaders)
    const { path, query } = splitTarget(request.url!)
    if (path === SOCKET_PATH && request.headers.upgrade?.toLowerCase() === 'websocket') {
      const arrival = arrivalOf(remoteAddress(request), lines)
      const refusal = refuseUpgrade(lines) ?? admit(handlers, arrival)
      if (refusal !== undefined) write(lastResponse(request, socket), refusal)
      else sockets.handleUpgrade(request, socket, head, (ws) => new NodeSocket(ws, handlers, arrival))
      return
    }
    // No other protocol is spoken here, so it is a request like any other, except that Node has left its body unread.
    const response = lastResponse(request, socket)
    const read = readRequestHead({ method: request.method!, path, query, headers: lines })
    if (read.kind !== 'read') write(response, read.answer)
    else if (hasBody(read.headers)) write(response, errorReply('invalid_frame', 'Send it without Upgrade.'))
    else serve(read, request, response, handlers)
  }
}

function hasBody(headers: ReadonlyMap<string, string>): boolean {
  return headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
}

/** The response to a request that Node has released; its connection ends with it. */
function lastResponse(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.on('error', () => {})
  response.once('finish', () => socket.destroySoon())
  socket.setTimeout(TRANSPORT_LIMITS.idleMs, () => socket.destroy())
  // Further bytes are discarded; reading them shows when the client goes.
  socket.resume()
  return response
}
