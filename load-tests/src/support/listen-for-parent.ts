import uWS from 'uWebSockets.js'

/** In a child process of a benchmark: listens on a free port and tells the parent which. */
export function listenForParent(app: uWS.TemplatedApp): void {
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket) process.send!({ type: 'ready', port: uWS.us_socket_local_port(socket) })
    else process.exit(1)
  })
}
