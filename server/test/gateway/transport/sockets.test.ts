import { LIMITS } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { fitCloseReason } from '../../../src/gateway/transport/close-reason.ts'
import { TRANSPORT_LIMITS } from '../../../src/gateway/transport/limits.ts'
import { clientFrame, describeTransports, eventually, handshake, pause, QUIET_MS } from './support.ts'

const TEXT = 0x81

describeTransports('sockets', (server) => {
  const upgraded = () => server().upgraded()
  const closedOf = (client: import('ws').WebSocket) =>
    new Promise<{ code: number; reason: string }>((resolve) => {
      client.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })

  it('T-SOCKET-1 frames arrive whole and in order, binary ones without text', async () => {
    const { client, seen } = await server().connect()
    const long = 'é'.repeat(100_000)
    client.send('one')
    client.send('tw', { fin: false })
    client.send('o', { fin: true })
    client.send(Buffer.from([1, 2, 3]))
    client.send('')
    client.send(long)
    await eventually(() => seen.messages.length === 5, 'five frames')
    expect(seen.messages).toEqual([
      { text: 'one', bytes: 3 },
      { text: 'two', bytes: 3 },
      { text: undefined, bytes: 3 },
      { text: '', bytes: 0 },
      { text: long, bytes: 200_000 },
    ])
  })

  it('T-SOCKET-2 twice the limit of a frame is received, more ends the connection', async () => {
    const { client, seen } = await server().connect()
    client.send('x'.repeat(2 * LIMITS.frameBytes))
    await eventually(() => seen.messages.length === 1, 'the frame')
    expect(seen.messages[0]!.bytes).toBe(2 * LIMITS.frameBytes)
    const closed = closedOf(client)
    client.send('x'.repeat(2 * LIMITS.frameBytes + 1))
    await closed
    await eventually(() => seen.closed === 1, 'closed')
    expect(seen.messages).toHaveLength(1)
  })

  it('T-CLOSE-1 a code and reason arrive behind what was sent, once', async () => {
    const { client, seen } = await server().connect()
    const got: string[] = []
    client.on('message', (data) => got.push(String(data)))
    const closed = closedOf(client)
    seen.socket.send('last words')
    seen.socket.close(4_001, 'because')
    seen.socket.close(4_002, 'again')
    expect(await closed).toEqual({ code: 4_001, reason: 'because' })
    expect(got).toEqual(['last words'])
    await eventually(() => seen.closed === 1, 'closed')
  })

  it('T-CLOSE-1 a reason that does not fit is cut at a character', async () => {
    const { client, seen } = await server().connect()
    const closed = closedOf(client)
    seen.socket.close(4_001, `x${'é'.repeat(100)}`)
    expect(await closed).toEqual({ code: 4_001, reason: `x${'é'.repeat(61)}` })
  })

  it('T-CLOSE-2 after close nothing reaches the handler, nothing is taken, and nothing waits', async () => {
    const { peer, seen } = await upgraded()
    peer.socket.pause()
    seen.socket.close(4_001, 'x')
    peer.write(clientFrame(TEXT, 'too late'))
    expect(seen.socket.send('too late')).toBe('dropped')
    expect(seen.socket.bufferedBytes()).toBe(0)
    await pause(QUIET_MS)
    expect(seen).toMatchObject({ messages: [], closed: 1 })
    peer.destroy()
  })

  it.each(['closes with a code', 'cuts', 'ends its side'])(
    'T-CLOSE-3 closed is called once when the client %s',
    async (how) => {
      const { client, seen } = await server().connect()
      const { _socket: tcp } = client as unknown as { _socket: import('node:net').Socket }
      if (how === 'closes with a code') client.close(1_000, 'bye')
      else if (how === 'cuts') client.terminate()
      else tcp.end()
      await eventually(() => seen.closed === 1, 'closed')
      expect(seen.socket.send('x')).toBe('dropped')
      seen.socket.close(4_001, 'x')
      await pause(QUIET_MS)
      expect(seen.closed).toBe(1)
    },
  )

  it('T-CLOSE-4 one that is closed while it is opened is told so', async () => {
    server().onOpen = (seen) => seen.socket.close(4_001, 'at once')
    const { peer, seen } = await upgraded()
    await eventually(() => seen.closed === 1, 'closed')
    peer.destroy()
  })

  it.each(['open', 'message'] as const)(
    'T-DEFECT-1 what is thrown in %s ends that socket alone, with 1011',
    async (where) => {
      const other = await server().connect()
      const fail = () => {
        throw new Error('thrown')
      }
      if (where === 'open') server().onOpen = fail
      else server().onMessage = (_, text) => text === 'throw' && fail()
      const peer = server().raw(handshake())
      await peer.answers(1)
      peer.write(clientFrame(TEXT, 'throw'))
      await eventually(() => peer.bytes.includes(Buffer.from([0x03, 0xf3])), 'a close frame')
      expect(server().defects).toEqual([`${where} of a socket: thrown`])
      other.client.send('still here')
      await eventually(() => other.seen.messages.length === 1, 'a message of the other')
      peer.destroy()
    },
  )
})

describe('fitCloseReason', () => {
  it.each([0, 1, 2, 3])('T-CLOSE-1 cuts no character in two, begun %i bytes before the end', (shift) => {
    const reason = `${'x'.repeat(TRANSPORT_LIMITS.closeReasonBytes - shift)}𝄞yz`
    const cut = fitCloseReason(reason)
    expect(cut).toBe('x'.repeat(TRANSPORT_LIMITS.closeReasonBytes - shift))
  })
})
