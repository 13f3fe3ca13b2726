import { expect, it } from 'vitest'
import { describeTransports, get, handshake, request } from './support.ts'

describeTransports('upgrades', (server) => {
  it.each([
    ['alone', 'tidegate.v1', 'tidegate.v1'],
    ['among others', 'chat, tidegate.v1 ,x', 'tidegate.v1'],
    ['for several clients', 'tidegate.v1.shared, tidegate.v1', 'tidegate.v1.shared'],
  ])('T-UPGRADE-1 the subprotocol offered %s is chosen, without extensions', async (_, offered, chosen) => {
    const peer = server().raw(
      handshake({ 'Sec-WebSocket-Protocol': offered, 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
    )
    await peer.answers(1)
    expect(peer.statuses).toEqual([101])
    expect(peer.text.toLowerCase()).toContain(`\r\nsec-websocket-protocol: ${chosen}\r\n`)
    expect(peer.text).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    expect(peer.text.toLowerCase()).not.toContain('extensions')
    expect(server().sockets).toHaveLength(1)
    peer.destroy()
  })

  it.each([
    ['no subprotocol', { 'Sec-WebSocket-Protocol': undefined }, 400],
    ['another subprotocol', { 'Sec-WebSocket-Protocol': 'tidegate.v2, tidegate' }, 400],
    ['another version', { 'Sec-WebSocket-Version': '8' }, 426],
    ['no version', { 'Sec-WebSocket-Version': undefined }, 426],
    ['a body', { 'Content-Length': '5' }, 400],
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400],
    ['a short key', { 'Sec-WebSocket-Key': 'short' }, 400],
    ['a key that is not base64', { 'Sec-WebSocket-Key': '!'.repeat(24) }, 400],
    ['a key of 18 bytes', { 'Sec-WebSocket-Key': 'a'.repeat(24) }, 400],
    ['two versions', { 'Sec-WebSocket-Version': '13, 8' }, 426],
  ])('T-UPGRADE-2 a handshake with %s is refused, and nothing behind it is read', async (_, changes, status) => {
    const peer = server().raw(handshake(changes) + get('/smuggled'))
    await peer.closed()
    expect(peer.statuses).toEqual([status])
    expect(peer.text).toContain('invalid_frame')
    if (status === 426) {
      expect(peer.text.toLowerCase()).toContain('\r\nsec-websocket-version: 13\r\n')
      expect(peer.text.toLowerCase()).toContain('\r\nupgrade: websocket\r\n')
    }
    expect(server().sockets).toEqual([])
    expect(server().requests).toEqual([])
  })

  it('T-UPGRADE-2 a handshake with chunks or two hosts opens nothing', async () => {
    for (const changes of [{ 'Transfer-Encoding': 'chunked' }, { Connection: 'Upgrade\r\nHost: y' }]) {
      const peer = server().raw(handshake(changes) + get('/smuggled'))
      await peer.closed()
      expect(peer.statuses).toEqual([400])
    }
    expect(server()).toMatchObject({ sockets: [], requests: [] })
  })

  it.each([
    ['HTTP/2', get('/plain', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk')],
    ['WebSocket at another address', handshake({}, '/plain')],
    ['nothing, with a key', handshake({ Upgrade: undefined })],
    ['WebSocket, without Connection', handshake({ Connection: 'keep-alive' })],
    ['something like WebSocket', handshake({ Upgrade: 'websoc\xe2\x84\xaaet' })],
    ['one of several protocols', handshake({ Upgrade: 'h2c, websocket' })],
    ['WebSocket, by HEAD', handshake().replace('GET', 'HEAD')],
    ['WebSocket, by POST', handshake().replace('GET', 'POST')],
  ])('T-UPGRADE-3 asked for %s, it answers as without Upgrade', async (_, text) => {
    const peer = server().raw(text)
    await peer.answers(1)
    expect(peer.statuses).toEqual([200])
    expect(server().requests).toHaveLength(1)
    expect(server().sockets).toEqual([])
    peer.destroy()
  })

  it('T-UPGRADE-3 a stream may be asked for with an Upgrade that is not spoken, and sees its client go', async () => {
    server().answer = async () => server().stream()
    const peer = server().raw(get('/s', 'Connection: Upgrade', 'Upgrade: h2c'))
    await peer.answers(1)
    expect(server().streams).toMatchObject([{ closed: 0 }])
    peer.destroy()
    await expect.poll(() => server().streams[0]!.closed).toBe(1)
  })

  it('T-UPGRADE-4 an upgrade behind a request that is not answered never mixes with its answer', async () => {
    let release = () => {}
    server().answer = async () => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return { kind: 'whole', status: 200, body: 'late' }
    }
    const peer = server().raw(request('GET', '/slow', []) + handshake())
    await peer.closed()
    release()
    expect(peer.statuses).not.toContain(101)
    expect(server().sockets).toEqual([])
  })

  it('T-UPGRADE-5 the handlers may refuse a handshake, and an error they throw refuses it too', async () => {
    const answers = [
      () => ({ kind: 'whole', status: 429, headers: { 'retry-after': '3' }, body: 'too many' }) as const,
      () => {
        throw new Error('broken')
      },
      () => undefined,
    ]
    const asked: (string | undefined)[] = []
    server().onUpgrade = ({ header }) => {
      asked.push(header('x-a'))
      return answers[asked.length - 1]!()
    }
    const peers = []
    for (const status of [429, 500, 101]) {
      const peer = server().raw(handshake({ 'X-A': '1' }))
      await peer.answers(1)
      expect(peer.statuses).toEqual([status])
      peers.push(peer)
    }
    expect(peers[0]!.text.toLowerCase()).toContain('retry-after: 3')
    expect(asked).toEqual(['1', '1', '1'])
    expect(server().defects).toEqual(['a handshake: broken'])
    expect(server().sockets.map(({ arrival }) => arrival.header('x-a'))).toEqual(['1'])
    for (const peer of peers) peer.destroy()
  })

  it('T-PEER-1 the address of the peer comes with its connection, handshake, socket and request', async () => {
    const seen: string[] = []
    server().onAccept = (address) => seen.push(address) > 0
    server().onUpgrade = ({ remoteAddress }) => {
      seen.push(remoteAddress)
      return undefined
    }
    const socket = server().raw(handshake())
    await socket.answers(1)
    expect([...seen, server().sockets[0]!.arrival.remoteAddress]).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
    const peer = server().raw(get('/'))
    await peer.answers(1)
    expect(server().requests[0]!.remoteAddress).toBe('127.0.0.1')
    expect(seen).toHaveLength(3)
    socket.destroy()
    peer.destroy()
  })

  it('T-PEER-2 a connection that is not accepted is cut without an answer', async () => {
    server().onAccept = () => false
    const peer = server().raw(get('/'))
    await peer.closed()
    expect(peer.text).toBe('')
    expect(server().requests).toEqual([])
  })
})
