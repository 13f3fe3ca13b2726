import { io } from 'socket.io-client'
import type { MeasuredClient } from '../measured-client.ts'

export async function connectSocketIo(port: number): Promise<MeasuredClient> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] })
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return {
    publish: (readings) => new Promise((resolve) => socket.emit('publish', readings, resolve)),
    subscribe(receive) {
      socket.on('event', receive)
      return new Promise((resolve) => socket.emit('subscribe', resolve))
    },
    close: () => socket.close(),
  }
}
