import { expect, it } from 'vitest'
import { describeTransports, eventually, get, pause, QUIET_MS, request } from './support.ts'

describeTransports('streams', (server) => {
  const opened = async () => {
    server().answer = async () => server().stream({ 'x-test': 'yes' })
    const peer = server().raw(get('/stream'))
    await peer.answers(1)
    return { peer, seen: server().streams[0]! }
  }

  it('T-STREAM-1 the head comes with the first chunk, and each chunk when it is sent', async () => {
    const { peer, seen } = await opened()
    for (const chunk of ['data: one\n\n', Buffer.from('data: zwö\n\n')]) {
      seen.stream.send(chunk)
      await eventually(() => peer.text.includes(String(chunk)), 'the chunk')
    }
    expect(peer.statuses).toEqual([200])
    const head = peer.text.toLowerCase().slice(0, peer.text.indexOf('\r\n\r\n') + 2)
    for (const line of ['x-test: yes', 'content-type: text/event-stream', 'connection: close']) {
      expect(head).toContain(`\r\n${line}\r\n`)
    }
    peer.destroy()
  })

  it('T-STREAM-2 closed by the server it ends complete', async () => {
    server().answer = async () => server().stream({}, ({ stream }) => stream.send('data: first\n\n'))
    const response = await fetch(`http://127.0.0.1:${server().port}/stream`)
    const { stream } = server().streams[0]!
    stream.send('data: last\n\n')
    stream.close()
    stream.close()
    expect(await response.text()).toBe('data: first\n\ndata: last\n\n')
    expect(server().streams[0]!.closed).toBe(1)

    const { peer } = await opened()
    server().streams[1]!.stream.send('data: last\n\n')
    server().streams[1]!.stream.close()
    await eventually(() => peer.text.endsWith('\r\n0\r\n\r\n'), 'the last chunk')
    peer.destroy()
  })

  it('T-STREAM-2 a client that does not read does not keep a stream open', async () => {
    const { peer, seen } = await opened()
    peer.socket.pause()
    while (seen.stream.send(Buffer.alloc(65_536, 'x')) !== 'dropped') {}
    seen.stream.close()
    expect(seen.closed).toBe(1)
    await pause(QUIET_MS)
    peer.socket.resume()
    await peer.closed()
  })

  it.each(['cuts', 'ends its side'])('T-STREAM-3 a client that %s ends it, once', async (how) => {
    const { peer, seen } = await opened()
    if (how === 'cuts') peer.destroy()
    else peer.socket.end()
    await eventually(() => seen.closed === 1, 'closed')
    expect(seen.stream.send('x')).toBe('dropped')
    seen.stream.close()
    await pause(QUIET_MS)
    expect(seen.closed).toBe(1)
  })

  it('T-STREAM-3 a client that has gone before the answer: opened, and closed at once', async () => {
    let answered = () => {}
    server().answer = async () => {
      await new Promise<void>((resolve) => {
        answered = resolve
      })
      return server().stream()
    }
    const peer = server().raw(get('/stream'))
    await eventually(() => server().requests.length === 1, 'the request')
    peer.destroy()
    await pause(QUIET_MS)
    answered()
    await eventually(() => server().streams[0]?.closed === 1, 'closed')
    expect(server().streams[0]!.stream.send('x')).toBe('dropped')
    server().streams[0]!.stream.close()
    expect(server().streams[0]!.closed).toBe(1)
  })

  it('T-STREAM-4 HEAD has the head alone, is told the end at once, and leaves the connection', async () => {
    server().answer = async ({ path }) =>
      path === '/stream' ? server().stream() : { kind: 'whole', status: 204, body: '' }
    const peer = server().raw(request('HEAD', '/stream', []))
    await peer.answers(1)
    await eventually(() => server().streams[0]?.closed === 1, 'closed')
    expect(server().streams[0]!.stream.send('data: x\n\n')).toBe('dropped')
    peer.write(get('/next'))
    await peer.answers(2)
    expect(peer.statuses).toEqual([200, 204])
    expect(peer.text).not.toContain('data')
    peer.destroy()
  })

  it.each(['open', 'drained'])('T-DEFECT-2 what is thrown in %s ends that stream alone', async (where) => {
    const fail = () => {
      throw new Error('thrown')
    }
    server().answer = async ({ path }) =>
      path === '/other' ? server().stream() : server().stream({}, where === 'open' ? fail : undefined)
    server().onDrained = fail
    const other = server().raw(get('/other'))
    await other.answers(1)
    const peer = server().raw(get('/stream'))
    await eventually(() => server().streams.length === 2, 'both')
    const seen = server().streams[1]!
    if (where === 'drained') {
      peer.socket.pause()
      while (seen.stream.send(Buffer.alloc(16_384, 'x')) !== 'buffered') {}
      peer.socket.resume()
    }
    await eventually(() => peer.isClosed || /\r\n(0|content-length: 0)\r\n\r\n$/i.test(peer.text), 'its end')
    expect(seen.closed).toBe(where === 'open' ? 0 : 1)
    expect(server().defects).toEqual([`${where === 'open' ? 'open' : 'drain'} of a stream: thrown`])
    expect(server().streams[0]!.stream.send('data: x\n\n')).toBe('sent')
    other.destroy()
  })
})
