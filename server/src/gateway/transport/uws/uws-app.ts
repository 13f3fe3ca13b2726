import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js'
import type { Tls } from '../../../tls.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { TransportHandlers } from '../transport.ts'
import { readUpgrade, SOCKET_PATH, type Upgrade } from '../upgrade.ts'
import { certificateOf, refuseStranger } from './client-certificate.ts'
import type { UwsModule } from './uws-module.ts'
import { giveUp, readHead, refuseAndClose, remoteAddress, serve } from './uws-request.ts'
import { type SocketData, UwsSocket } from './uws-socket.ts'

const NONE = { kind: 'none' } as const

/** Makes a socket of a connection whose handshake is accepted. */
type Open = (upgrade: Extract<Upgrade, { kind: 'accepted' }>) => void

/** What serves the connections of one listener. @throws where certificate and key cannot be used. */
export function createUwsApp(uWS: UwsModule, handlers: TransportHandlers, tls: Tls | undefined): TemplatedApp {
  const app = tls === undefined ? uWS.App() : uWS.SSLApp(optionsOf(tls))
  const answer = (response: HttpResponse, request: HttpRequest, open: Open) => {
    try {
      if (refuseStranger(response, tls)) return
      const head = readHead(response, request)
      if (head === undefined) return
      // uWS knows this path in one spelling.
      const isAsked = request.getUrl() === SOCKET_PATH
      const peer = { remoteAddress: remoteAddress(response), certificate: certificateOf(response, tls) }
      const upgrade = isAsked ? readUpgrade(head, peer, handlers) : NONE
      switch (upgrade.kind) {
        case 'none':
          return serve(response, head, peer, handlers)
        case 'refused':
          return refuseAndClose(response, upgrade.answer)
        case 'accepted':
          return open(upgrade)
      }
    } catch (error) {
      giveUp(response, handlers, error)
    }
  }
  app.ws<SocketData>(SOCKET_PATH, {
    maxPayloadLength: TRANSPORT_LIMITS.frameBytes,
    maxBackpressure: TRANSPORT_LIMITS.bufferedBytes,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade(response, request, context) {
      // Without extensions: offered ones are not passed on.
      answer(response, request, ({ key, subprotocol, arrival }) =>
        response.upgrade<SocketData>({ arrival }, key, subprotocol, '', context),
      )
    },
    open(ws) {
      const socket = new UwsSocket(ws, handlers)
      const data = ws.getUserData()
      const { arrival } = data
      data.socket = socket
      // The head of its handshake is not kept for as long as the socket lives.
      data.arrival = undefined
      socket.handler.open(() => handlers.open(socket, arrival!))
    },
    // An error thrown in a uWS callback ends the process: the guarded handler throws nothing.
    message(ws, message, isBinary) {
      ws.getUserData().socket!.handler.call('message', (handler) => handler.message(Buffer.from(message), !isBinary))
    },
    drain(ws) {
      ws.getUserData().socket!.handler.drained()
    },
    close(ws) {
      ws.getUserData().socket!.markClosed()
    },
  })
  // Called with 1 for a connection that begins and -1 for one that ends.
  const onConnection: Parameters<typeof app.filter>[0] = (response, count) => {
    if (Number(count) === 1 && !handlers.accept(remoteAddress(response))) response.close()
  }
  app.filter(onConnection)
  // uWS takes every GET with a key of 24 characters for a handshake, so there is none here that would be accepted.
  app.any('/*', (response, request) => answer(response, request, () => response.close()))
  return app
}

/** uWebSockets.js reads the files itself. Its oldest version of TLS is 1.2. */
function optionsOf({ files: { cert, key, clientCa } }: Tls) {
  return { cert_file_name: cert, key_file_name: key, ...(clientCa !== undefined && { ca_file_name: clientCa }) }
}
