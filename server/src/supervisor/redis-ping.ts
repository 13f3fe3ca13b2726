import { createConnection } from 'node:net'

export type PingAnswer = 'ready' | 'loading' | 'absent'

const ANSWER_DEADLINE_MS = 1_000

/** Pings the Redis at a unix socket without the client library, which belongs to the bus. */
export function pingRedis(socketPath: string): Promise<PingAnswer> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    const answer = (value: PingAnswer) => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(ANSWER_DEADLINE_MS, () => answer('loading'))
    socket.on('error', () => answer('absent'))
    socket.on('close', () => answer('absent'))
    socket.on('connect', () => socket.write('PING\r\n'))
    // Errors of a Redis that is reading its log (-LOADING) or is not ready for another reason.
    socket.on('data', (reply) => answer(reply.toString('latin1').startsWith('+PONG') ? 'ready' : 'loading'))
  })
}
