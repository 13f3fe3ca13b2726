import { expect, it } from 'vitest'
import { clientFrame, describeTransports, eventually } from './support.ts'

const FINAL = 0x80
const [CONTINUATION, TEXT, CLOSE, PING, PONG] = [0x0, 0x1, 0x8, 0x9, 0xa]
const text = (payload: string | number[]) => clientFrame(FINAL | TEXT, bytes(payload))
const begin = (payload: string | number[]) => clientFrame(TEXT, bytes(payload))
const end = (payload: string | number[]) => clientFrame(FINAL | CONTINUATION, bytes(payload))
const control = (opcode: number, payload: string | number[] = '') => clientFrame(FINAL | opcode, bytes(payload))
const bytes = (payload: string | number[]) =>
  typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload)
const code = (value: number, reason: string | number[] = '') => [value >> 8, value & 0xff, ...bytes(reason)]
const unmasked = (payload: string) => Buffer.concat([Buffer.from([FINAL | TEXT, payload.length]), bytes(payload)])
/** A 64-bit length whose highest bit is set. */
const ENDLESS = Buffer.from([FINAL | TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0])

const PROTOCOL_ERROR = 1_002
const NOT_UTF8 = 1_007
const TOO_BIG = 1_009

/** The codes of the close frames in what a server sent behind its handshake; 1005 for one without a code. */
function closeCodes(received: Buffer): number[] {
  const codes: number[] = []
  let at = received.indexOf('\r\n\r\n') + 4
  while (at < received.length) {
    const length = received[at + 1]!
    if (received[at] === (FINAL | CLOSE)) codes.push(length < 2 ? 1_005 : received.readUInt16BE(at + 2))
    at += 2 + length
  }
  return codes
}

describeTransports('RFC 6455', (server) => {
  /** uWebSockets.js ends a connection without a close frame, which 7.1.7 leaves open. */
  const failed = (code: number) => (server().name === 'node' ? [code] : [])

  it.each<[string, Buffer, number]>([
    ['the first reserved bit', clientFrame(FINAL | 0x40 | TEXT, 'x'), PROTOCOL_ERROR],
    ['the second reserved bit', clientFrame(FINAL | 0x20 | TEXT, 'x'), PROTOCOL_ERROR],
    ['the third reserved bit', clientFrame(FINAL | 0x10 | TEXT, 'x'), PROTOCOL_ERROR],
    ['a reserved bit of a ping', clientFrame(FINAL | 0x40 | PING, 'x'), PROTOCOL_ERROR],
    ...[0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf].map((opcode): [string, Buffer, number] => [
      `opcode ${opcode}`,
      control(opcode, 'x'),
      PROTOCOL_ERROR,
    ]),
    ['a ping of 126 bytes', control(PING, 'x'.repeat(126)), PROTOCOL_ERROR],
    ['a pong of 126 bytes', control(PONG, 'x'.repeat(126)), PROTOCOL_ERROR],
    ['a close frame of 126 bytes', control(CLOSE, code(1_000, 'x'.repeat(124))), PROTOCOL_ERROR],
    ['a ping in fragments', clientFrame(PING, 'x'), PROTOCOL_ERROR],
    ['a close frame in fragments', clientFrame(CLOSE, bytes(code(1_000))), PROTOCOL_ERROR],
    ['a continuation of nothing', end('x'), PROTOCOL_ERROR],
    ['a continuation of a whole message', Buffer.concat([control(PONG), end('x')]), PROTOCOL_ERROR],
    ['a message within another', Buffer.concat([begin('a'), text('b')]), PROTOCOL_ERROR],
    ['a length with its highest bit set', ENDLESS, TOO_BIG],
    ['text that is not UTF-8', text([0xff]), NOT_UTF8],
    ['half a character', text([0xc3]), NOT_UTF8],
    ['an overlong character', text([0xc0, 0xaf]), NOT_UTF8],
    ['a surrogate', text([0xed, 0xa0, 0x80]), NOT_UTF8],
    ['a character beyond Unicode', text([0xf4, 0x90, 0x80, 0x80]), NOT_UTF8],
    [
      'a character whose second byte is in the next fragment and wrong',
      Buffer.concat([begin([0xc3]), end('(')]),
      NOT_UTF8,
    ],
  ])('T-SOCKET-2 %s ends the connection, and neither it nor what is behind it is read', async (_, frames, error) => {
    const { peer, seen } = await server().upgraded()
    peer.write(Buffer.concat([frames, text('behind it')]))
    await peer.closed()
    await eventually(() => seen.closed === 1, 'closed')
    expect(seen.messages).toEqual([])
    expect(closeCodes(peer.bytes)).toEqual(failed(error))
  })

  it('T-SOCKET-4 a frame without a mask is never read as what it says', async () => {
    const { peer, seen } = await server().upgraded()
    // uWebSockets.js takes the first four bytes for the mask and, with what follows, the text for another one.
    peer.write(Buffer.concat([unmasked('{"type":"hello"}'), text('behind it')]))
    await peer.closed()
    await eventually(() => seen.closed === 1, 'closed')
    expect(seen.messages).toEqual([])
    expect(closeCodes(peer.bytes)).toEqual(failed(PROTOCOL_ERROR))
  })

  it.each([
    ['two fragments', [begin('a'), end('b')], 'ab'],
    ['a ping and a pong between fragments', [begin('a'), control(PING, 'p'), control(PONG), end('b')], 'ab'],
    ['a character in two fragments', [begin([0xc3]), end([0xa9])], 'é'],
    ['empty fragments', [begin(''), clientFrame(CONTINUATION), end('')], ''],
    ['a length in more bytes than it takes', [Buffer.from([FINAL | TEXT, 0xfe, 0, 1, 0, 0, 0, 0, 0x61])], 'a'],
  ])('T-SOCKET-1 %s are one message', async (_, frames, message) => {
    const { peer, seen } = await server().upgraded()
    for (const frame of frames) peer.write(frame)
    await eventually(() => seen.messages.length === 1, 'the message')
    expect(seen.messages[0]!.text).toBe(message)
    peer.destroy()
  })

  it('T-SOCKET-3 a ping is answered with what it holds, at most 125 bytes, and is no message', async () => {
    for (const payload of ['', 'hi', 'x'.repeat(125)]) {
      const { peer, seen } = await server().upgraded()
      const before = peer.bytes.length
      peer.write(Buffer.concat([control(PONG, 'nobody asked'), control(PING, payload)]))
      await eventually(() => peer.bytes.length >= before + 2 + payload.length, 'a pong')
      expect(peer.bytes.subarray(before)).toEqual(Buffer.from([FINAL | PONG, payload.length, ...bytes(payload)]))
      expect(seen.messages).toEqual([])
      peer.destroy()
    }
  })

  it.each([1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 4_000, 4_999])(
    'T-CLOSE-6 close code %i is echoed, and nothing behind it is read',
    async (value) => {
      const { peer, seen } = await server().upgraded()
      peer.write(Buffer.concat([control(CLOSE, code(value, 'bye')), text('behind it')]))
      await peer.closed()
      await eventually(() => seen.closed === 1, 'closed')
      expect(closeCodes(peer.bytes)).toEqual([value])
      expect(seen.messages).toEqual([])
    },
  )

  it('T-CLOSE-6 a close frame without a code is answered by one without', async () => {
    const { peer } = await server().upgraded()
    peer.write(control(CLOSE))
    await peer.closed()
    expect(closeCodes(peer.bytes)).toEqual([1_005])
  })

  it.each<[string, number[], number]>([
    ...[0, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 2_999, 5_000, 65_535].map((value): [string, number[], number] => [
      `code ${value}`,
      code(value),
      PROTOCOL_ERROR,
    ]),
    ['half a code', [3], PROTOCOL_ERROR],
    ['a reason that is not UTF-8', code(1_000, [0xff]), NOT_UTF8],
  ])(
    'T-CLOSE-6 a close frame with %s ends the connection, and the code is never repeated',
    async (_, payload, error) => {
      const { peer, seen } = await server().upgraded()
      peer.write(Buffer.concat([control(CLOSE, payload), text('behind it')]))
      await peer.closed()
      await eventually(() => seen.closed === 1, 'closed')
      expect(closeCodes(peer.bytes)).toEqual(server().name === 'node' ? [error] : [1_005])
      expect(seen.messages).toEqual([])
    },
  )

  it.each([1_012, 1_013, 1_014, 3_000, 3_999])(
    'T-CLOSE-6 close code %i is echoed, or answered without',
    async (value) => {
      const { peer } = await server().upgraded()
      peer.write(control(CLOSE, code(value)))
      await peer.closed()
      expect(closeCodes(peer.bytes)).toEqual(server().name === 'node' ? [value] : [1_005])
    },
  )
})
