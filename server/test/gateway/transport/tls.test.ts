import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { LOAD } from '../../../src/gateway/transport/create-transport.ts'
import { certificateEnd, readTls, type TlsFiles } from '../../../src/tls.ts'
import { TlsWatch } from '../../../src/tls-watch.ts'
import { useAuthorities } from '../../support/certificates.ts'
import { eventually, handshake, IMPLEMENTATIONS, request, TestServer } from './support.ts'

const DAY_MS = 86_400_000
const authority = useAuthorities()
const ca = authority('authority')
const others = authority('another authority')
const first = ca.issue('first')
const second = ca.issue('second')
const device = ca.issue('device')
const stranger = others.issue('stranger')
const trusted = { ca: readFileSync(ca.cert) }
const as = ({ cert, key }: { cert: string; key: string }) => ({ cert: readFileSync(cert), key: readFileSync(key) })

/** Opens a connection, writes to it, and resolves to what came when it had an answer or ended. */
function exchange(
  port: number,
  text: string,
  options: ConnectionOptions = {},
): Promise<{ socket: TLSSocket; text: string }> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect({ port, host: '127.0.0.1', ...trusted, ...options }, () => socket.write(text))
    const done = () => resolve({ socket, text: received })
    socket.on('data', (data) => {
      received += data
      if (received.includes('\r\n\r\n')) done()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      received += error.code
    })
    socket.on('close', done)
  })
}

const served = (port: number, options: ConnectionOptions = {}) =>
  exchange(port, request('GET', '/x', ['Connection: close']), options)

async function subjectOf(port: number): Promise<string> {
  const { socket } = await served(port)
  const name = socket.getPeerCertificate().subject.CN
  socket.destroy()
  return String(name)
}

it('T-TLS-6 a certificate that ends - is named once before, and once when it has ended', async () => {
  const tls = await readTls(first)
  const end = certificateEnd(tls)
  const lines: string[] = []
  let now = end - 11 * DAY_MS
  const watch = new TlsWatch({ tls, renew: async () => {}, warn: (line) => lines.push(line), now: () => now })
  const looked = async (at: number) => {
    now = at
    await watch.look()
    return lines.splice(0)
  }
  const when = new Date(end).toISOString()
  expect(await looked(now)).toEqual([])
  expect(await looked(end - 9 * DAY_MS)).toEqual([expect.stringContaining(`ends at ${when}. Renew it`)])
  expect(await looked(end - 1)).toEqual([])
  expect(await looked(end)).toEqual([expect.stringContaining(`has ended at ${when}: clients refuse it`)])
  expect(await looked(end + DAY_MS)).toEqual([])
})

describe.each(IMPLEMENTATIONS)('%s: TLS', (name) => {
  /** The files that the gateway reads. */
  const files: TlsFiles = { cert: `${first.cert}.${name}`, key: `${first.key}.${name}` }
  const install = ({ cert, key }: TlsFiles) => {
    copyFileSync(cert, files.cert)
    copyFileSync(key, files.key)
  }
  let server: TestServer
  let watch: TlsWatch
  const lines: string[] = []
  beforeAll(async () => {
    install(first)
    const tls = await readTls(files)
    server = await TestServer.start(name, (handlers) => LOAD[name](handlers, tls))
    watch = new TlsWatch({ tls, renew: (next) => server.transport.renew(next), warn: (line) => lines.push(line) })
  })
  afterAll(() => server.close())

  const openSocket = async (options: ConnectionOptions = {}) => {
    const client = new WebSocket(`wss://127.0.0.1:${server.port}/v1/ws`, SUBPROTOCOL, { ...trusted, ...options })
    const messages: string[] = []
    client.on('message', (data) => messages.push(String(data)))
    client.on('error', () => {})
    await eventually(() => client.readyState === client.OPEN && server.sockets.length > 0, 'a socket')
    return { client, messages, seen: server.sockets.at(-1)! }
  }

  it('T-TLS-1 requests, bodies, sockets and streams are served over TLS as without it', async () => {
    server.answer = async (asked) => ({ kind: 'whole', status: 200, body: `${(await asked.body())?.length} bytes` })
    const body = await new Promise<string>((resolve, reject) => {
      const asked = httpsRequest(
        { port: server.port, host: '127.0.0.1', method: 'POST', path: '/y', ...trusted },
        (answer) => {
          let text = ''
          answer.on('data', (data) => {
            text += data
          })
          answer.on('end', () => resolve(text))
        },
      )
      asked.on('error', reject)
      asked.end('x'.repeat(200_000))
    })
    expect(body).toBe('200000 bytes')
    const { client, messages, seen } = await openSocket()
    client.send('up')
    await eventually(() => seen.messages.length === 1, 'a message')
    seen.socket.send('down')
    await eventually(() => messages.length === 1, 'an answer')
    server.answer = async () => server.stream({}, ({ stream }) => stream.send('data: 1\n\n'))
    const stream = await exchange(server.port, request('GET', '/stream', []))
    await eventually(() => server.streams.length === 1, 'a stream')
    stream.socket.destroy()
    await eventually(() => server.streams[0]!.closed === 1, 'the end of the stream')
    client.close()
    await eventually(() => seen.closed === 1, 'the end of the socket')
    server.reset()
  })

  it('T-TLS-1 T-SEND-2 T-SEND-3 what a client does not take waits and is counted, and arrives in order', async () => {
    const { client, messages, seen } = await openSocket()
    client.pause()
    let sent = 0
    while (seen.socket.bufferedBytes() < 1_000_000) seen.socket.send(`${sent++}`.padEnd(16_384, '.'))
    client.resume()
    await eventually(() => messages.length === sent && seen.socket.bufferedBytes() === 0, 'all of it')
    expect(messages.map((text) => Number.parseInt(text, 10))).toEqual(Array.from({ length: sent }, (_, i) => i))
    await eventually(() => seen.drained > 0, 'drained')
    client.terminate()
    server.reset()
  })

  it('T-TLS-1 T-FRAME-1 what cannot be framed is refused whole, and the connection ends', async () => {
    const { socket, text } = await exchange(
      server.port,
      request('POST', '/', ['Content-Length: 1', 'Content-Length: 2'], 'xx'),
    )
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    await eventually(() => socket.destroyed, 'the end')
  })

  it('T-TLS-2 TLS before 1.2 and clients without TLS are refused, and others are served', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    expect((await served(server.port, old)).text).toMatch(/^E.*(PROTOCOL|RESET)/)
    const plain = connectTcp(server.port, '127.0.0.1')
    let answer = ''
    plain.on('data', (data) => {
      answer += data
    })
    plain.on('error', () => {})
    plain.write(request('GET', '/x', []))
    await eventually(() => plain.destroyed, 'the end')
    expect(answer).not.toContain('200')
    expect((await served(server.port, { maxVersion: 'TLSv1.2' })).text).toContain('GET /x')
    expect((await served(server.port, { minVersion: 'TLSv1.3' })).text).toContain('GET /x')
  })

  it('T-TLS-3 changed files serve new connections, and the open ones stay; a broken one is not used, and said once', async () => {
    const { client, messages, seen } = await openSocket()
    expect(await subjectOf(server.port)).toBe('first')
    await watch.look()
    expect(lines.splice(0)).toEqual([])
    // Written one after the other: a key without its certificate.
    copyFileSync(second.key, files.key)
    await watch.look()
    await watch.look()
    expect(lines.splice(0)).toEqual([
      expect.stringMatching(/is not used, the one before is: The key in .* is not the one/),
    ])
    expect(await subjectOf(server.port)).toBe('first')
    install(second)
    await watch.look()
    expect(lines.splice(0)).toEqual([expect.stringMatching(/has changed: new connections use it/)])
    expect(await subjectOf(server.port)).toBe('second')
    writeFileSync(files.cert, 'half of a file')
    await watch.look()
    rmSync(files.cert)
    await watch.look()
    await watch.look()
    expect(lines.splice(0)).toEqual([
      expect.stringMatching(/TIDEGATE_TLS_CERT must be a certificate in PEM/),
      expect.stringMatching(/TIDEGATE_TLS_CERT cannot be read: ENOENT/),
    ])
    expect(await subjectOf(server.port)).toBe('second')
    seen.socket.send('still here')
    await eventually(() => messages.length === 1, 'a message over the old connection')
    client.send('and I')
    await eventually(() => seen.messages.length === 1, 'a message over the old connection')
    server.transport.stopListening()
    seen.socket.send('and now')
    await eventually(() => messages.length === 2, 'a message')
    server.close()
    await eventually(() => seen.closed === 1 && client.readyState === client.CLOSED, 'the end of all')
  })

  it('T-TLS-4 with authorities for clients only those with a certificate of theirs are served', async () => {
    const tls = await readTls({ ...first, clientCa: ca.cert })
    const guarded = await TestServer.start(name, (handlers) => LOAD[name](handlers, tls))
    try {
      expect((await served(guarded.port, as(device))).text).toContain('GET /x')
      const { socket } = await exchange(guarded.port, handshake(), as(device))
      expect(guarded.sockets).toHaveLength(1)
      const handled = guarded.requests.length
      for (const options of [{}, as(stranger)]) {
        expect((await served(guarded.port, options)).text).not.toContain('200')
        const refused = await exchange(guarded.port, handshake(), options)
        expect(refused.text).not.toContain('101')
        await eventually(() => refused.socket.destroyed, 'the end')
      }
      expect(guarded.requests).toHaveLength(handled)
      expect(guarded.sockets).toHaveLength(1)
      socket.destroy()
    } finally {
      guarded.close()
    }
  })
})

describe('readTls', () => {
  const at = (changes: Partial<TlsFiles>) => readTls({ ...first, ...changes })
  it.each([
    ['a key of another', () => at({ key: second.key }), /is not the one of the first certificate/],
    ['no file', () => at({ cert: join(first.cert, 'none') }), /^TIDEGATE_TLS_CERT cannot be read: ENOTDIR/],
    ['a key for a certificate', () => at({ cert: first.key }), /^TIDEGATE_TLS_CERT must be a certificate in PEM/],
    ['a certificate for a key', () => at({ key: first.cert }), /^TIDEGATE_TLS_KEY must be a private key in PEM/],
    ['a key for the authorities', () => at({ clientCa: first.key }), /^TIDEGATE_TLS_CLIENT_CA must be certificates/],
  ])('T-TLS-5 %s - is refused with the variable', async (_, read, message) => {
    await expect(read()).rejects.toThrow(message)
  })
})
