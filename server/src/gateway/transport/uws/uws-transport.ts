import type { us_listen_socket } from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { cannotListen, claimPort } from '../../../claim-port.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { Transport, TransportHandlers } from '../transport.ts'
import { refuseUpgrade, SOCKET_PATH } from '../upgrade.ts'
import { loadUws } from './uws-module.ts'
import { giveUp, headerLines, serve, write } from './uws-request.ts'
import { type SocketData, UwsSocket } from './uws-socket.ts'

/**
 * Creates the transport on uWebSockets.js. It does not listen yet.
 *
 * @throws {NoUwsBinary}
 */
export function createUwsTransport(handlers: TransportHandlers): Transport {
  const uWS = loadUws()
  const app = uWS.App()
  let listening: us_listen_socket | undefined
  app.ws<SocketData>(SOCKET_PATH, {
    maxPayloadLength: TRANSPORT_LIMITS.frameBytes,
    maxBackpressure: TRANSPORT_LIMITS.bufferedBytes,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade(response, request, context) {
      const refusal = refuseUpgrade(headerLines(request))
      if (refusal !== undefined) {
        write(response, refusal)
        return
      }
      // Without extensions: offered ones are not passed on.
      response.upgrade<SocketData>({}, request.getHeader('sec-websocket-key'), SUBPROTOCOL, '', context)
    },
    open(ws) {
      const socket = new UwsSocket(ws, handlers)
      ws.getUserData().socket = socket
      socket.handler.open(() => handlers.open(socket))
    },
    // An error thrown in a uWS callback ends the process: the guarded handler throws nothing.
    message(ws, message, isBinary) {
      ws.getUserData().socket!.handler.call('message', (handler) =>
        handler.message(isBinary ? undefined : Buffer.from(message).toString('utf8'), message.byteLength),
      )
    },
    drain(ws) {
      ws.getUserData().socket!.handler.drained()
    },
    close(ws) {
      ws.getUserData().socket!.markClosed()
    },
  })
  app.any('/*', (response, request) => {
    try {
      serve(response, request, handlers)
    } catch (error) {
      giveUp(response, handlers, error)
    }
  })
  return {
    async listen({ host, port, shared }) {
      // uWS' own exclusive mode lacks SO_REUSEADDR: after a crash it would refuse the port until old connections are
      // gone. And it does not share a port that it picks itself (0).
      const chosen = shared && port !== 0 ? port : await claimPort(host, port)
      return new Promise((resolve, reject) => {
        app.listen(host, chosen, (socket) => {
          if (!socket) {
            reject(cannotListen(host, chosen))
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
