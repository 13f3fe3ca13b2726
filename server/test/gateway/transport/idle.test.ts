import { describe, expect, it } from 'vitest'
import { TRANSPORT_LIMITS } from '../../../src/gateway/transport/limits.ts'
import { createNodeTransport } from '../../../src/gateway/transport/node/node-transport.ts'
import { eventually, get, handshake, pause, request, TestServer } from './support.ts'

/** A limit that can be made short is; what uWebSockets.js has is built in. */
const SHORT = { idleMs: 1_000 }
/** What looks for idle connections looks every few seconds. */
const LATE_MS = 5_000
const start = {
  uws: () => TestServer.start('uws'),
  node: () => TestServer.start('node', async (handlers) => createNodeTransport(handlers, SHORT)),
}

describe.concurrent.each([
  { name: 'uws', ...TRANSPORT_LIMITS },
  { name: 'node', ...SHORT },
] as const)('$name: time', ({ name, idleMs }) => {
  it('T-IDLE-1 T-IDLE-2 a connection without a request, with half of one or with a client that takes no answer is closed; sockets and streams are not', async () => {
    const server = await start[name]()
    server.answer = async ({ path, body }) => {
      if (path === '/stream') return server.stream({}, ({ stream }) => stream.send(':\n\n'))
      await body()
      return { kind: 'whole', status: 200, body: Buffer.alloc(path === '/large' ? 20_000_000 : 10) }
    }
    const served = server.raw(get('/'))
    const unread = server.raw(get('/large'))
    unread.socket.pause()
    const idle = {
      silent: server.raw(),
      served,
      'half a head': server.raw('GET / HTTP/1.1\r\nHo'),
      'half a body': server.raw(request('POST', '/', ['Content-Length: 10'], 'hello')),
    }
    const stream = server.raw(get('/stream'))
    const socket = server.raw(handshake())
    await pause(0.8 * idleMs)
    expect(Object.values(idle).map(({ isClosed }) => isClosed)).toEqual([false, false, false, false])
    await pause(0.2 * idleMs + LATE_MS)
    const open = Object.entries(idle).filter(([, { isClosed }]) => !isClosed)
    expect(open.map(([what]) => what)).toEqual([])
    unread.socket.resume()
    await unread.closed()
    expect(unread.bytes.length).toBeLessThan(20_000_000)
    expect([stream.isClosed, socket.isClosed]).toEqual([false, false])
    expect(server.streams[0]!.stream.send(':\n\n')).toBe('sent')
    expect(server.sockets[0]!.socket.send('x')).toBe('sent')
    server.close()
  }, 30_000)

  it('T-CLOSE-5 a client that does not read is cut when its time is over', async () => {
    const server = await start[name]()
    const peer = server.raw(handshake())
    await eventually(() => server.sockets.length === 1, 'a socket')
    const seen = server.sockets[0]!
    peer.socket.pause()
    let sent = 0
    while (seen.socket.send(Buffer.alloc(65_536, 'x')) !== 'dropped') sent += 65_536
    seen.socket.close(4_001, 'x')
    expect(seen.closed).toBe(1)
    await pause(TRANSPORT_LIMITS.closeGraceMs + 500)
    peer.socket.resume()
    await peer.closed()
    // The end of what was sent, and the close frame, never came.
    expect(peer.bytes.length).toBeLessThan(sent)
    server.close()
  })
})
