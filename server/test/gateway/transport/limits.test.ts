import { expect, it } from 'vitest'
import { TRANSPORT_LIMITS } from '../../../src/gateway/transport/limits.ts'
import { describeTransports, eventually, get, request } from './support.ts'

const BURST = 300

describeTransports('limits', (server) => {
  const withHead = (bytes: number) => get('/', `X-Long: ${'x'.repeat(bytes)}`)

  it('T-LIMIT-1 a head within the limit is read', async () => {
    const peer = server().raw(withHead(TRANSPORT_LIMITS.headBytes - 200))
    await peer.answers(1)
    expect(peer.statuses).toEqual([200])
    expect(server().requests[0]!.header('x-long')).toHaveLength(TRANSPORT_LIMITS.headBytes - 200)
    peer.destroy()
  })

  it.each(['a line', 'many lines', 'a target'])(
    'T-LIMIT-1 a head that is too long by %s is refused with 431, or cut',
    async (what) => {
      const bytes = 4 * TRANSPORT_LIMITS.headBytes
      const text = {
        'a line': withHead(bytes),
        'many lines': get('/', ...Array.from({ length: bytes / 16 }, (_, i) => `X-${i}: ${i}`.padEnd(16, 'x'))),
        'a target': get(`/${'x'.repeat(bytes)}`),
      }[what]!
      const peer = server().raw(text + get('/smuggled'))
      await peer.closed()
      expect(peer.statuses.filter((status) => status !== 431)).toEqual([])
      expect(server().requests).toEqual([])
    },
  )

  it('T-LIMIT-2 a body up to the limit is handed over, a longer one is not, and the next request is read', async () => {
    server().answer = async (asked) => {
      const body = await asked.body()
      return body === undefined
        ? { kind: 'whole', status: 413, body: '' }
        : { kind: 'whole', status: 200, body: `${body.length}` }
    }
    const { bodyBytes } = TRANSPORT_LIMITS
    const post = (bytes: number) => request('POST', '/', [`Content-Length: ${bytes}`], 'x'.repeat(bytes))
    const peer = server().raw(post(bodyBytes))
    await peer.answers(1)
    peer.write(post(bodyBytes + 1))
    await peer.answers(2)
    peer.write(get('/'))
    await peer.answers(3)
    expect(peer.statuses).toEqual([200, 413, 200])
    expect(peer.text).toContain(`${bodyBytes}`)
    peer.destroy()
  })

  it('T-LIMIT-2 a body in chunks without end is not kept', async () => {
    const peer = server().raw(request('POST', '/', ['Transfer-Encoding: chunked']))
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    for (let i = 0; i < 64; i++) peer.write(chunk)
    peer.write('0\r\n\r\n')
    await eventually(() => server().requests[0]?.body === undefined && server().requests.length === 1, 'its end')
    peer.destroy()
  })

  it('T-LIMIT-3 a burst of connections is taken, sockets and requests alike', async () => {
    const peers = Array.from({ length: BURST }, () => server().raw(get('/')))
    const clients = Promise.all(
      Array.from({ length: BURST }, () =>
        server()
          .connect()
          .then(({ client }) => client),
      ),
    )
    await Promise.all(peers.map((peer) => peer.answers(1)))
    expect(await clients).toHaveLength(BURST)
    await eventually(() => server().sockets.length === BURST, 'all sockets')
    for (const peer of peers) peer.destroy()
    for (const client of await clients) client.terminate()
  })

  it('T-LIMIT-4 a body is held until its answer or until the client leaves, and refused where there is no room', async () => {
    let answer = () => {}
    server().answer = async (asked) => {
      await asked.body()
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return { kind: 'whole', status: 200, body: '' }
    }
    const peer = server().raw(request('POST', '/', ['Content-Length: 10'], 'x'.repeat(10)))
    await eventually(() => server().bodyBytes === 10, 'ten bytes')
    answer()
    await peer.answers(1)
    expect(server().bodyBytes).toBe(0)
    const leaving = server().raw(request('POST', '/', ['Content-Length: 10'], 'x'.repeat(5)))
    await eventually(() => server().bodyBytes === 5, 'five bytes')
    leaving.destroy()
    await eventually(() => server().bodyBytes === 0, 'no bytes')
    server().maxBodyBytes = 7
    const refused = server().raw(request('POST', '/', ['Content-Length: 10'], 'x'.repeat(8)))
    await refused.closed()
    expect(refused.statuses).toEqual([503])
    expect(refused.text).toContain('overloaded')
    expect(server().bodyBytes).toBe(0)
    peer.destroy()
  })

  it('T-LIMIT-5 a body that goes on far beyond the limit ends its connection', async () => {
    server().answer = async (asked) => {
      await asked.body()
      return { kind: 'whole', status: 200, body: '' }
    }
    const peer = server().raw(request('POST', '/', ['Transfer-Encoding: chunked']))
    const chunk = `100000\r\n${'x'.repeat(1_048_576)}\r\n`
    for (let bytes = 0; bytes <= TRANSPORT_LIMITS.discardedBytes; bytes += 1_048_576) peer.write(chunk)
    await peer.closed()
    expect(server().requests[0]!.body).toBe('pending')
    expect(server().bodyBytes).toBe(0)
  })

  it('T-LIMIT-4 every part of a body is counted, and one too many ends its connection, also of a request that has its answer', async () => {
    server().maxCameBytes = 3_000_000
    server().answer = async () => ({ kind: 'whole', status: 404, body: '' })
    const peer = server().raw(request('POST', '/', ['Transfer-Encoding: chunked']))
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    for (let i = 0; i < 64; i++) peer.write(chunk)
    await peer.closed()
    // What was on its way when the connection ended may have taken the answer with it.
    expect([[503], []]).toContainEqual(peer.statuses)
    expect(server().cameBytes).toBeGreaterThan(3_000_000)
    expect(server().bodyBytes).toBe(0)
  })

  it('T-LIMIT-7 a body in parts of one byte takes no more than twice its bytes', async () => {
    let held = 0
    server().answer = async (asked) => {
      const body = await asked.body()
      held = server().bodyBytes
      return { kind: 'whole', status: 200, body: `${body?.length}` }
    }
    const peer = server().raw(
      request('POST', '/', ['Transfer-Encoding: chunked'], `${'1\r\nx\r\n'.repeat(5_000)}0\r\n\r\n`),
    )
    await peer.answers(1)
    expect(peer.text).toContain('5000')
    expect(held).toBeLessThan(10_000)
    peer.destroy()
  })

  it('T-REQUEST-7 an answer waits for the end of the body', async () => {
    server().answer = async () => ({ kind: 'whole', status: 404, body: '' })
    const peer = server().raw(request('POST', '/', ['Content-Length: 10'], 'x'))
    await eventually(() => server().requests.length === 1, 'the request')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(peer.statuses).toEqual([])
    peer.write('x'.repeat(9) + get('/'))
    await peer.answers(2)
    expect(peer.statuses).toEqual([404, 404])
    peer.destroy()
  })

  it('T-LAST-1 after the last answer of a connection it is closed, whatever was sent behind it', async () => {
    server().answer = async () => ({ kind: 'whole', status: 429, body: 'later', isLast: true })
    const peer = server().raw(get('/').repeat(3))
    await peer.closed()
    expect(peer.statuses).toEqual([429])
    expect(peer.text).toContain('later')
    expect(server().requests.length).toBe(1)
  })

  it('T-REQUEST-5 the handler learns that its client has left', async () => {
    let left = 0
    server().answer = (asked) => {
      asked.onLeave(() => left++)
      return new Promise(() => {})
    }
    const peer = server().raw(request('POST', '/', ['Content-Length: 10'], 'x'))
    await eventually(() => server().requests.length === 1, 'a request')
    expect(left).toBe(0)
    peer.destroy()
    await eventually(() => left === 1, 'its end')
  })
})
