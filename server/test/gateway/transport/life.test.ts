import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { claimPort } from '../../../src/claim-port.ts'
import { canShare } from '../../../src/gateway/transport/node/listen.ts'
import { eventually, get, IMPLEMENTATIONS, request, TestServer } from './support.ts'

describe.each(IMPLEMENTATIONS)('%s: life', (name) => {
  const servers: TestServer[] = []
  const create = async () => {
    const server = await TestServer.create(name)
    servers.push(server)
    return server
  }
  const start = async () => {
    const server = await create()
    await server.listen(0)
    return server
  }
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })
  const isRefused = (port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', () => resolve(true))
      socket.once('connect', () => {
        socket.destroy()
        resolve(false)
      })
    })

  it('T-LIFE-1 listens on a free port, and refuses one that is taken with its address', async () => {
    const first = await start()
    expect(first.port).toBeGreaterThan(0)
    const second = await create()
    await expect(second.listen(first.port)).rejects.toThrow(`127.0.0.1:${first.port}`)
  })

  it('T-LIFE-2 stopListening takes no new connections, and serves the open ones', async () => {
    const server = await start()
    const { client, seen } = await server.connect()
    const peer = server.raw(get('/before'))
    await peer.answers(1)
    server.transport.stopListening()
    expect(await isRefused(server.port)).toBe(true)
    client.send('still here')
    peer.write(request('POST', '/after', ['Content-Length: 2'], 'hi'))
    await peer.answers(2)
    await eventually(() => seen.messages.length === 1, 'a message')
    expect(seen.socket.send('answer')).toBe('sent')
  })

  it('T-LIFE-3 close cuts everything, tells every handler once, and frees the port', async () => {
    const server = await start()
    const { client, seen } = await server.connect()
    server.answer = async ({ path }) =>
      path === '/stream'
        ? server.stream({}, ({ stream }) => stream.send(':\n\n'))
        : { kind: 'whole', status: 200, body: '' }
    const stream = server.raw(get('/stream'))
    const idle = server.raw(get('/'))
    await Promise.all([stream.answers(1), idle.answers(1)])
    server.transport.close()
    server.transport.close()
    await Promise.all([stream.closed(), idle.closed()])
    await eventually(() => client.readyState === client.CLOSED, 'the end of the socket')
    await eventually(() => seen.closed === 1 && server.streams[0]!.closed === 1, 'closed')
    expect(await isRefused(server.port)).toBe(true)
    const next = await create()
    expect(await next.listen(server.port)).toBe(server.port)
  })

  it.skipIf(name === 'node' && !canShare(process.platform, process.versions.node))(
    'T-LIFE-4 two share a port when both say so',
    async () => {
      const [first, second] = [await create(), await create()]
      const port = await first.listen(await claimPort('127.0.0.1', 0), true)
      expect(await second.listen(port, true)).toBe(port)
    },
  )
})
