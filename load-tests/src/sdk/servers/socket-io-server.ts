/** A socket.io server that acknowledges what is published. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { feedOnRequest } from '../feed.ts'

const http = createServer()
const server = new Server(http, { transports: ['websocket'] })
server.on('connection', (socket) => {
  socket.on('publish', (_, acknowledge: () => void) => acknowledge())
  socket.on('subscribe', (acknowledge: () => void) => {
    void socket.join('bench')
    acknowledge()
  })
})
feedOnRequest((readings) => {
  for (const reading of readings) server.to('bench').emit('event', reading)
})
http.listen(0, '127.0.0.1', () => process.send!({ type: 'ready', port: (http.address() as AddressInfo).port }))
