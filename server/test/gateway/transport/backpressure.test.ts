import { expect, it } from 'vitest'
import { TRANSPORT_LIMITS } from '../../../src/gateway/transport/limits.ts'
import type { TransportSocket, TransportStream } from '../../../src/gateway/transport/transport.ts'
import { describeTransports, eventually, get, handshake, pause, QUIET_MS, type RawPeer, type Seen } from './support.ts'

type Sender = TransportSocket | TransportStream

/** Numbered, so that what is missing or out of order shows. */
const frame = (number: number) => Buffer.from(`<${number}>`.padEnd(16_384, '.'))
const numbers = (peer: RawPeer) => [...peer.text.matchAll(/<(\d+)>/g)].map(([, number]) => Number(number))
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Sends until something waits. Returns how many were sent. */
function fill(sender: Sender): number {
  for (let sent = 1; ; sent++) if (sender.send(frame(sent - 1)) === 'buffered') return sent
}

describeTransports('backpressure', (server) => {
  const opened = {
    async socket() {
      const peer = server().raw(handshake())
      await peer.answers(1)
      await eventually(() => server().sockets.length === 1, 'a socket')
      const seen = server().sockets[0]!
      return { peer, seen, sender: seen.socket as Sender }
    },
    async stream() {
      server().answer = async () => server().stream()
      const peer = server().raw(get('/stream'))
      await peer.answers(1)
      const seen = server().streams[0]!
      return { peer, seen, sender: seen.stream as Sender }
    },
  }
  const kinds = ['socket', 'stream'] as const

  it.each(kinds)('T-SEND-1 what the client of a %s takes is sent, and nothing waits', async (kind) => {
    const { peer, sender } = await opened[kind]()
    for (const number of upTo(5)) {
      expect(sender.send(frame(number))).toBe('sent')
      expect(sender.bufferedBytes()).toBe(0)
      await pause(5)
    }
    await eventually(() => numbers(peer).length === 5, 'all of it')
    expect(numbers(peer)).toEqual(upTo(5))
    peer.destroy()
  })

  it.each(kinds)('T-SEND-2 what the client of a %s does not take is buffered and counted', async (kind) => {
    const { peer, seen, sender } = await opened[kind]()
    peer.socket.pause()
    const sent = fill(sender)
    const before = sender.bufferedBytes()
    expect(before).toBeGreaterThan(0)
    expect(sender.send(frame(sent))).toBe('buffered')
    expect(sender.bufferedBytes()).toBeGreaterThanOrEqual(before + 16_384)
    await pause(QUIET_MS)
    expect(seen.drained).toBe(0)
    peer.destroy()
  })

  it.each(kinds)(
    'T-SEND-3 when the client of a %s reads again all of it arrives in order, and drained is called',
    async (kind) => {
      const { peer, seen, sender } = await opened[kind]()
      peer.socket.pause()
      const sent = fill(sender) + 2
      sender.send(frame(sent - 2))
      sender.send(frame(sent - 1))
      peer.socket.resume()
      await eventually(() => numbers(peer).length === sent && sender.bufferedBytes() === 0, 'all of it')
      await eventually(() => seen.drained > 0, 'drained')
      expect(numbers(peer)).toEqual(upTo(sent))
      expect(sender.send(frame(sent))).toBe('sent')
      peer.destroy()
    },
  )

  it.each(kinds)('T-SEND-3 a %s may be written to while it is drained', async (kind) => {
    const { peer, sender } = await opened[kind]()
    peer.socket.pause()
    const sent = fill(sender)
    let more = 0
    server().onDrained = (_: Seen) => {
      if (more < 3) sender.send(frame(sent + more++))
    }
    peer.socket.resume()
    await eventually(() => numbers(peer).length > sent, 'what was sent in drained')
    expect(numbers(peer)).toEqual(upTo(sent + more))
    peer.destroy()
  })

  it.each(kinds)('T-SEND-4 over its limit a %s takes nothing more, and stays', async (kind) => {
    const { peer, seen, sender } = await opened[kind]()
    peer.socket.pause()
    let sent = 0
    while (sender.send(frame(sent)) !== 'dropped') sent++
    expect(sender.bufferedBytes()).toBeGreaterThan(TRANSPORT_LIMITS.bufferedBytes - 16_384)
    expect(sender.bufferedBytes()).toBeLessThan(TRANSPORT_LIMITS.bufferedBytes + 2 * 16_384)
    peer.socket.resume()
    await eventually(() => numbers(peer).length === sent, 'what was sent')
    expect(sender.bufferedBytes()).toBe(0)
    expect(sender.send(frame(sent))).toBe('sent')
    await eventually(() => numbers(peer).length === sent + 1, 'all of it')
    expect(numbers(peer)).toEqual(upTo(sent + 1))
    expect(seen.closed).toBe(0)
    peer.destroy()
  })

  it('T-SEND-5 a frame of a socket is the caller’s again after send, also when it waits', async () => {
    const { peer, sender } = await opened.socket()
    peer.socket.pause()
    const sent = fill(sender)
    const reused = frame(sent)
    sender.send(reused)
    reused.fill('#')
    peer.socket.resume()
    await eventually(() => numbers(peer).length === sent + 1, 'all of it')
    expect(peer.text).not.toContain('#')
    peer.destroy()
  })

  it('T-SEND-7 what a socket is sent together arrives in order and by one write', async () => {
    const { peer, sender } = await opened.socket()
    const chunks: number[] = []
    peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk.length))
    const together = upTo(100).map((number) => Buffer.from(`<${number}>`))
    ;(sender as TransportSocket).together(() => {
      for (const one of together) expect(sender.send(one)).not.toBe('dropped')
    })
    await eventually(() => numbers(peer).length === 100, 'all of it')
    expect(numbers(peer)).toEqual(upTo(100))
    expect(chunks).toHaveLength(1)
    peer.destroy()
  })

  it('T-SEND-7 what does not leave together is counted behind it, and drained is called', async () => {
    const { peer, seen, sender } = await opened.socket()
    peer.socket.pause()
    const sent = fill(sender)
    const before = sender.bufferedBytes()
    ;(sender as TransportSocket).together(() => {
      for (const number of [sent, sent + 1]) sender.send(frame(number))
    })
    expect(sender.bufferedBytes()).toBeGreaterThanOrEqual(before + 2 * 16_384)
    peer.socket.resume()
    await eventually(() => numbers(peer).length === sent + 2, 'all of it')
    expect(numbers(peer)).toEqual(upTo(sent + 2))
    await eventually(() => seen.drained > 0, 'drained')
    peer.destroy()
  })

  it.each(kinds)('T-SEND-6 after its end a %s drops what is sent, and nothing waits', async (kind) => {
    const { peer, seen, sender } = await opened[kind]()
    peer.socket.pause()
    fill(sender)
    peer.destroy()
    await eventually(() => seen.closed === 1, 'closed')
    expect(sender.send('x')).toBe('dropped')
    expect(sender.bufferedBytes()).toBe(0)
    expect(seen.closed).toBe(1)
  })
})
