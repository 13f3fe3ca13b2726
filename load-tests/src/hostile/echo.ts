/** A process that sends back what it gets, and does nothing else. */
import { type AddressInfo, createServer } from 'node:net'

const server = createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.pipe(socket)
})
process.on('message', () => {
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
})
