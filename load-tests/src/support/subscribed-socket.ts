import { isPing, PONG } from './pong.ts'
import { RawWebSocket } from './raw-websocket.ts'

/** The frames with which a client begins, encoded. */
export interface Opening {
  readonly hello: Buffer
  readonly subscribe: Buffer
}

/**
 * Opens a socket with one subscription, which answers pings.
 *
 * @param onFrame gets the frames of the server, but for pings
 * @returns once it is subscribed @throws Error where it is refused, or closed before that
 */
export function openSubscribed(
  port: number,
  { hello, subscribe }: Opening,
  onFrame: (payload: Buffer) => void = () => {},
): Promise<RawWebSocket> {
  return new Promise((resolve, reject) => {
    let isOpen = false
    const onMessage = (payload: Buffer) => {
      if (isPing(payload)) return socket.write(PONG)
      onFrame(payload)
      if (isOpen) return
      isOpen = payload.includes('"subscribed"')
      if (isOpen) resolve(socket)
      else if (payload.includes('"type":"error"')) reject(new Error(payload.toString()))
    }
    const onClose = (code?: number) => reject(new Error(`closed with ${code} before it was subscribed`))
    const socket: RawWebSocket = new RawWebSocket(port, onMessage, onClose)
    socket.open().then(() => {
      socket.write(hello)
      socket.write(subscribe)
    }, reject)
  })
}
