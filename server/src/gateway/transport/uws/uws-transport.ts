import type { us_listen_socket } from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { cannotListen, claimPort } from '../../../claim-port.ts'
import { TRANSPORT_LIMITS } from '../limits.ts'
import type { Transport, TransportHandlers } from '../transport.ts'
import { admit, arrivalOf, refuseUpgrade, SOCKET_PATH } from '../upgrade.ts'
import { loadUws } from './uws-module.ts'
import { giveUp, headerLines, remoteAddress, serve, write } from './uws-request.ts'
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
      const lines = headerLines(request)
      const arrival = arrivalOf(remoteAddress(response), lines)
      const refusal = refuseUpgrade(lines) ?? admit(handlers, arrival)
      if (refusal !== undefined) {
        write(response, refusal)
        return
      }
      // Without extensions: offered ones are not passed on.
      response.upgrade<SocketData>({ arrival }, request.getHeader('sec-websocket-key'), SUBPROTOCOL, '', context)
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
  // Called with 1 for a connection that begins and -1 for one that ends.
  const onConnection: Parameters<typeof app.filter>[0] = (response, count) => {
    if (Number(count) === 1 && !handlers.accept(remoteAddress(response))) response.close()
  }
  app.filter(onConnection)
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
