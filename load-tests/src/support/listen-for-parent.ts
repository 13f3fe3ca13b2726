import uWS from 'uWebSockets.js'
import { endWithParent } from './answer-parent.ts'

/** In a child process of a benchmark: listens on a free port, tells the parent which, and ends with it. */
export function listenForParent(app: uWS.TemplatedApp): void {
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket) process.send!({ type: 'ready', port: uWS.us_socket_local_port(socket) })
    else process.exit(1)
  })
  endWithParent()
}
