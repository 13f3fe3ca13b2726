import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js'
import { cannotListen, claimPort } from '../../../claim-port.ts'
import type { Tls } from '../../../tls.ts'
import type { Transport, TransportHandlers } from '../transport.ts'
import { createUwsApp } from './uws-app.ts'
import { loadUws } from './uws-module.ts'

/**
 * Creates the transport on uWebSockets.js. It does not listen yet.
 *
 * @throws {NoUwsBinary}
 */
export function createUwsTransport(handlers: TransportHandlers, { tls }: { readonly tls?: Tls } = {}): Transport {
  const uWS = loadUws()
  /** The last one takes new connections; the others serve those that they have. */
  const apps = [createUwsApp(uWS, handlers, tls)]
  let listening: { readonly host: string; readonly port: number; readonly socket: us_listen_socket } | undefined
  const listenWith = (app: TemplatedApp, host: string, port: number) =>
    new Promise<us_listen_socket>((resolve, reject) => {
      app.listen(host, port, (socket) => (socket ? resolve(socket) : reject(cannotListen(host, port))))
    })
  return {
    async listen({ host, port, shared }) {
      // uWS' own exclusive mode lacks SO_REUSEADDR: after a crash it would refuse the port until old connections are
      // gone. And it does not share a port that it picks itself (0).
      const chosen = shared && port !== 0 ? port : await claimPort(host, port)
      const socket = await listenWith(apps[0]!, host, chosen)
      const actual = uWS.us_socket_local_port(socket)
      listening = { host, port: actual, socket }
      return { port: actual }
    },
    async renew(next) {
      if (listening === undefined) return
      const { host, port, socket: before } = listening
      // Certificates belong to an app. Both listen for a moment: no client is refused in between.
      const app = createUwsApp(uWS, handlers, next)
      listening = { host, port, socket: await listenWith(app, host, port) }
      apps.push(app)
      uWS.us_listen_socket_close(before)
    },
    stopListening() {
      if (listening !== undefined) uWS.us_listen_socket_close(listening.socket)
      listening = undefined
    },
    close() {
      listening = undefined
      for (const app of apps.splice(0)) app.close()
    },
  }
}
