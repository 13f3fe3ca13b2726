import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { errorReply } from '../../http/replies.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { TransportHandlers } from '../transport.ts'
import { readUpgrade, subprotocolOf } from '../upgrade.ts'
import { peerOf, readHead, serve, write } from './node-request.ts'
import { NodeSocket } from './node-socket.ts'

/** Handles a connection whose request asks for another protocol; Node has stopped reading it. */
export type TakeUpgrade = (request: IncomingMessage, socket: Socket, rest: Buffer) => void

export function createUpgrade(handlers: TransportHandlers): TakeUpgrade {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: TRANSPORT_LIMITS.frameBytes,
    handleProtocols: (offered) => subprotocolOf(() => [...offered].join()) ?? false,
  })
  return (request, socket, rest) => {
    const head = readHead(request)
    if (head.kind !== 'read') {
      write(lastResponse(request, socket), head.answer)
      return
    }
    const upgrade = readUpgrade(head, peerOf(request), handlers)
    switch (upgrade.kind) {
      case 'accepted':
        sockets.handleUpgrade(request, socket, rest, (ws) => new NodeSocket(ws, socket, handlers, upgrade.arrival))
        return
      case 'refused':
        write(lastResponse(request, socket), upgrade.answer)
        return
      case 'none': {
        // A request like any other, except that Node has left its body unread.
        const response = lastResponse(request, socket)
        if (hasBody(head.headers)) write(response, errorReply('invalid_frame', 'Send it without Upgrade.'))
        else serve(head, request, response, handlers)
      }
    }
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
