import { request } from 'node:http'
import { createConnection } from 'node:net'
import { describe, expect, it } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { rawExchange } from '../support/raw-http.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()

const body = JSON.stringify({ topic: 'sensor.reading', ...readingOf('raw') })
const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
const post = (headers: string, content: string) =>
  `POST /v1/events HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${content}`
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
/** Would be answered with 200 if anything behind a refused head were read. */
const SMUGGLED = get('/livez')

describe('framing of requests', () => {
  it.each([
    ['two lengths that differ', 'Content-Length: 2\r\nContent-Length: 5\r\n', '{}abc'],
    ['two lengths that are alike', 'Content-Length: 2\r\nContent-Length: 2\r\n', '{}'],
    ['a list of lengths', 'Content-Length: 2, 2\r\n', '{}'],
    ['an empty length', 'Content-Length: \r\n', '{}'],
    ['a signed length', 'Content-Length: +2\r\n', '{}'],
    ['a length and chunks', `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n`, chunks],
    ['chunks and a length', `Transfer-Encoding: chunked\r\nContent-Length: ${body.length}\r\n`, chunks],
    ['chunks twice', 'Transfer-Encoding: chunked, chunked\r\n', chunks],
    ['chunks on two lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', chunks],
    ['chunks that are not last', 'Transfer-Encoding: chunked, gzip\r\n', chunks],
    ['chunks that are not last, on two lines', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n', chunks],
    ['a coding that is no framing', 'Transfer-Encoding: identity\r\n', chunks],
    ['chunks with a parameter', 'Transfer-Encoding: chunked;q=1\r\n', chunks],
  ])('G-HTTP-1 %s: 400, and nothing behind it is read', async (_, headers, content) => {
    const { statuses, closed } = await rawExchange(server.port, post(headers, content) + SMUGGLED)
    expect(statuses).toEqual([400])
    expect(closed).toBe(true)
  })

  it('G-HTTP-1 a coding before chunked is 501, and the connection is closed', async () => {
    const { text, statuses, closed } = await rawExchange(
      server.port,
      post('Transfer-Encoding: gzip, chunked\r\n', chunks) + SMUGGLED,
    )
    expect(statuses).toEqual([501])
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({ error: { code: 'unsupported' } })
    expect(closed).toBe(true)
  })

  it.each(['chunked', 'Chunked', 'CHUNKED', '  chunked  '])('G-HTTP-1 Transfer-Encoding %j is read', async (coding) => {
    const { statuses } = await rawExchange(server.port, post(`Transfer-Encoding: ${coding}\r\n`, chunks))
    expect(statuses).toEqual([200])
  })

  it('G-HTTP-1 a body that was refused for what it says leaves the connection open', async () => {
    const { statuses } = await rawExchange(server.port, post('Content-Length: 3\r\n', 'abc'), SMUGGLED)
    expect(statuses).toEqual([400, 200])
  })
})

describe('HEAD', () => {
  const ask = (method: string, path: string) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const asked = request({ port: server.port, host: '127.0.0.1', method, path, agent: false }, (response) => {
        let text = ''
        const answer = () => {
          const { date: _, connection: __, 'transfer-encoding': ___, ...headers } = response.headers
          resolve({ status: response.statusCode!, headers, body: text })
          asked.destroy()
        }
        response.on('data', (data) => {
          text += data
          if (path.startsWith('/v1/stream')) answer()
        })
        response.on('end', answer)
      })
      asked.on('error', reject)
      asked.end()
    })

  it.each([
    '/livez',
    '/v1/topics',
    '/v1/history?topic=sensor.reading',
    '/v1/history?topic=nope',
    '/v1/windows/nope',
    '/v1/slow',
    '/v1/ws',
    '/v1/stream?topic=sensor.*',
    '/v1/stream?topic=nope',
    '/nothing/here',
    '/',
  ])('G-HTTP-4 has the head of GET %s and no body', async (path) => {
    const [head, full] = await Promise.all([ask('HEAD', path), ask('GET', path)])
    expect(head).toEqual({ ...full, body: '' })
    expect(full.body).not.toBe('')
  })

  it('G-HTTP-4 leaves the connection to the next request', async () => {
    const heads = ['/livez', '/nothing/here'].map((path) => get(path).replace('GET', 'HEAD'))
    const { text, statuses } = await rawExchange(server.port, heads[0]!, heads[1]!, get('/livez'))
    expect(statuses).toEqual([200, 404, 200])
    expect(text.match(/"live"/g)).toHaveLength(1)
  })

  it('G-HTTP-4 of a stream opens none', async () => {
    expect((await ask('HEAD', '/v1/stream?topic=sensor.*')).status).toBe(200)
    expect(server.gateway).toBeDefined()
    const { body: slow } = await ask('GET', '/v1/slow')
    expect(JSON.parse(slow)).toEqual({ sessions: [] })
  })
})

describe('addresses', () => {
  it('G-HTTP-6 characters that need no percent-encoding may have it', async () => {
    const { statuses } = await rawExchange(server.port, get('/%6Civez'), get('/v1%2Fevents'), get('/%zz'))
    expect(statuses).toEqual([200, 404, 404])
  })

  it('G-HTTP-6 a query that is not UTF-8 is refused, not replaced', async () => {
    for (const key of ['%ff', 'M%fcller', '%ed%a0%80', '%', 'M\xfcller']) {
      const { text, statuses } = await rawExchange(server.port, get(`/v1/windows/nope?key=${key}`))
      expect(statuses).toEqual([400])
      expect(text).toContain('invalid_frame')
    }
    const { statuses } = await rawExchange(server.port, get('/v1/windows/nope?key=M%C3%BCller+%26+x'))
    expect(statuses).toEqual([404])
  })
})

it('G-FRAME-1 a text frame that is not UTF-8 ends the connection, and is never read as another text', async () => {
  const socket = createConnection({ port: server.port, host: '127.0.0.1' })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const upgraded = new Promise((resolve) => socket.once('data', resolve))
  const upgrade = [
    'GET /v1/ws HTTP/1.1',
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: tidegate.v1',
  ]
  socket.write(`${upgrade.join('\r\n')}\r\n\r\n`)
  await upgraded
  const hello = Buffer.from('{"type":"hello","protocol":1,"client":"M\xfcller"}', 'latin1')
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]), hello]))
  let said = ''
  socket.on('data', (data) => {
    said += data.toString('latin1')
  })
  await closed
  expect(said).not.toContain('welcome')
})
