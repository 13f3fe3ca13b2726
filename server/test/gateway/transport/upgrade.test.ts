import { expect, it } from 'vitest'
import { describeTransports, get, handshake, request } from './support.ts'

describeTransports('upgrades', (server) => {
  it.each([
    ['alone', 'tidegate.v1'],
    ['among others', 'chat, tidegate.v1 ,x'],
  ])('T-UPGRADE-1 the subprotocol offered %s is chosen, without extensions', async (_, offered) => {
    const peer = server().raw(
      handshake({ 'Sec-WebSocket-Protocol': offered, 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
    )
    await peer.answers(1)
    expect(peer.statuses).toEqual([101])
    expect(peer.text.toLowerCase()).toContain('\r\nsec-websocket-protocol: tidegate.v1\r\n')
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
    ['chunks', { 'Transfer-Encoding': 'chunked' }, 400],
  ])('T-UPGRADE-2 a handshake with %s is refused', async (_, changes, status) => {
    const peer = server().raw(handshake(changes))
    await peer.answers(1)
    expect(peer.statuses).toEqual([status])
    expect(peer.text).toContain('invalid_frame')
    if (status === 426) expect(peer.text.toLowerCase()).toContain('\r\nsec-websocket-version: 13\r\n')
    expect(server().sockets).toEqual([])
    peer.destroy()
  })

  it('T-UPGRADE-2 a handshake without a key opens nothing', async () => {
    const peer = server().raw(handshake({ 'Sec-WebSocket-Key': 'short' }))
    await peer.answers(1)
    expect(peer.statuses).not.toContain(101)
    expect(server().sockets).toEqual([])
    peer.destroy()
  })

  it.each([
    ['HTTP/2', get('/plain', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk')],
    ['WebSocket at another address', handshake({}, '/plain')],
  ])('T-UPGRADE-3 asked for %s, it answers as without Upgrade', async (_, text) => {
    const peer = server().raw(text)
    await peer.answers(1)
    expect(peer.statuses).toEqual([200])
    expect(server().requests).toMatchObject([{ method: 'GET', path: '/plain' }])
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
})
