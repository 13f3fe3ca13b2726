import { describe, expect, it } from 'vitest'
import { splitTarget } from '../../../src/gateway/transport/node/request-target.ts'
import { describeTransports, eventually, get, pause, QUIET_MS, request } from './support.ts'

/** Counts as read if the handlers ever see it. */
const SMUGGLED = get('/smuggled')
const CHUNKED = 'Transfer-Encoding: chunked'

describeTransports('requests', (server) => {
  const paths = () => server().requests.map(({ path }) => path)
  const ask = async (text: string, answers = 1) => {
    const peer = server().raw(text)
    await peer.answers(answers)
    peer.destroy()
    return peer
  }
  const bodyOf = async (text: string) => {
    server().answer = async (asked) => ({ kind: 'whole', status: 200, body: (await asked.body()) ?? 'too long' })
    return (await ask(text)).text.split('\r\n\r\n')[1]
  }

  it('T-REQUEST-1 method, path, query and headers are handed over', async () => {
    await ask(
      request('PATCH', '/A/b%2Fc/%61?x=1&y=%C3%A9', ['X-Test:  two words ', 'x-test: more', 'X-Name: M\xc3\xbcller']),
    )
    const [seen] = server().requests
    expect(seen).toMatchObject({ method: 'PATCH', path: '/A/b%2Fc/a' })
    expect([...seen!.query]).toEqual([
      ['x', '1'],
      ['y', 'é'],
    ])
    expect(seen!.header('x-test')).toBe('two words, more')
    expect(seen!.header('x-name')).toBe('Müller')
    expect(seen!.header('x-none')).toBeUndefined()
  })

  it('T-REQUEST-1 a target that names the server too is read as one that does not, or refused', async () => {
    const { statuses } = await ask(get('http://example.com/there?x=1'))
    const seen = server().requests.map(({ path, query }) => `${path} ${query}`)
    expect([...statuses, ...seen]).toEqual(statuses[0] === 200 ? [200, '/there x=1'] : [statuses[0]])
    expect([200, 400, 505]).toContain(statuses[0])
  })

  it.each([
    ['by its length', request('POST', '/', ['Content-Length: 5'], 'hello'), 'hello'],
    ['in chunks', request('POST', '/', [CHUNKED], '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'), 'hello'],
    [
      'in chunks of hex',
      request('POST', '/', [CHUNKED], 'A\r\n0123456789\r\n00b\r\n0123456789a\r\n0\r\n\r\n'),
      '01234567890123456789a',
    ],
    ['empty', request('POST', '/', ['Content-Length: 0']), ''],
  ])('T-REQUEST-2 a body is handed over whole: %s', async (_, text, body) => {
    expect(await bodyOf(text)).toBe(body)
  })

  it('T-REQUEST-2 a body comes whole, however it is cut', async () => {
    server().answer = async (asked) => ({ kind: 'whole', status: 200, body: `${(await asked.body())?.toString()}` })
    const peer = server().raw('')
    for (const part of request('POST', '/', [CHUNKED], '5\r\nhello\r\n0\r\n\r\n').match(/[\s\S]{1,7}/g)!) {
      peer.write(part)
      await pause(2)
    }
    await peer.answers(1)
    expect(peer.text).toContain('hello')
    peer.destroy()
  })

  it('T-REQUEST-2 the body of a client that leaves before its end is never handed over', async () => {
    const peer = server().raw(request('POST', '/', ['Content-Length: 10'], 'hello'))
    await eventually(() => server().requests.length === 1, 'the request')
    peer.destroy()
    await pause(QUIET_MS)
    expect(server().requests[0]!.body).toBe('pending')
  })

  it('T-REQUEST-2 a GET has no body for the handlers, and what it sends is no request', async () => {
    const peer = await ask(request('GET', '/got', [`Content-Length: ${SMUGGLED.length}`], SMUGGLED) + get('/next'), 2)
    expect(peer.statuses).toEqual([200, 200])
    expect(paths()).toEqual(['/got', '/next'])
    expect(server().requests[0]!.body).toEqual(Buffer.alloc(0))
  })

  it.each([
    ['a length and chunks', ['Content-Length: 3', CHUNKED], 400],
    ['chunks and a length', [CHUNKED, 'Content-Length: 3'], 400],
    ['two lengths', ['Content-Length: 3', 'Content-Length: 4'], 400],
    ['the same length twice', ['Content-Length: 3', 'Content-Length: 3'], 400],
    ['a list of lengths', ['Content-Length: 3, 3'], 400],
    ['a signed length', ['Content-Length: +3'], 400],
    ['a hexadecimal length', ['Content-Length: 0x3'], 400],
    ['a length beyond all numbers', ['Content-Length: 99999999999999999999999'], 400],
    ['chunks twice', ['Transfer-Encoding: chunked, chunked'], 400],
    ['chunks that are not last', ['Transfer-Encoding: chunked, gzip'], 400],
    ['chunks on two lines', [CHUNKED, CHUNKED], 400],
    ['a coding that is no framing', ['Transfer-Encoding: identity'], 400],
    ['something like chunked', ['Transfer-Encoding: xchunked'], 400],
    ['a coding before chunks', ['Transfer-Encoding: gzip, chunked'], 501],
  ])('T-FRAME-1 %s: refused, and nothing behind it is read', async (_, headers, status) => {
    const peer = server().raw(request('POST', '/', headers, '0\r\n\r\n') + SMUGGLED)
    await peer.closed()
    expect(peer.statuses).toEqual([status])
    expect(paths()).toEqual([])
  })

  const withBadChunk = async (body: string) => {
    server().answer = async (asked) => ({ kind: 'whole', status: 200, body: (await asked.body()) ?? '' })
    const peer = server().raw(request('POST', '/', [CHUNKED], body) + SMUGGLED)
    await peer.closed()
    expect(peer.statuses.filter((status) => status !== 400)).toEqual([])
    expect(server().requests.filter(({ path, body: seen }) => path !== '/' || seen !== 'pending')).toEqual([])
  }

  it.each([
    ['is no number', 'x\r\nhello\r\n0\r\n\r\n'],
    ['is signed', '-5\r\nhello\r\n0\r\n\r\n'],
    ['has a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['is beyond all numbers', 'fffffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ])('T-FRAME-2 the size of a chunk that %s ends the connection: no body, and nothing behind it is read', (_, body) =>
    withBadChunk(body),
  )

  it.each([
    ['is empty', '\r\nhello\r\n0\r\n\r\n'],
    ['is smaller than its chunk', '4\r\nhello\r\n0\r\n\r\n'],
    ['ends in a line feed alone', '5\nhello\r\n0\r\n\r\n'],
  ])('T-FRAME-4 so does one that %s, except on uWebSockets.js', async (_, body) => {
    if (server().name === 'node') await withBadChunk(body)
  })

  /** What some transport takes for the beginning of a line waits there for its end, until the idle limit. */
  const refused = async (text: string) => {
    const peer = server().raw(text + SMUGGLED)
    for (let waits = 0; waits < 30 && !peer.isClosed; waits++) await pause(10)
    expect(peer.statuses.filter((status) => ![400, 505].includes(status))).toEqual([])
    expect(paths()).toEqual([])
    peer.destroy()
  }

  it.each([
    ['a line that is folded', ['X-A: b', ' Content-Length: 40']],
    ['a folded framing', ['Transfer-Encoding:', ' chunked']],
    ['a space before the colon', ['Content-Length : 40']],
    ['a name with a space', ['Content Length: 40']],
    ['a line without a colon', ['Content-Length']],
    ['a line feed alone between lines', ['X-A: b\nContent-Length: 40']],
    ['a carriage return in a value', ['X-A: b\rContent-Length: 40']],
    ['a zero byte in a value', ['X-A: b\0c']],
    ['a zero byte in a name', ['X\0A: b']],
    ['two hosts', ['Host: y']],
  ])('T-FRAME-3 %s is refused, and nothing behind it is read', (_, headers) => refused(request('POST', '/', headers)))

  it.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['no version', 'GET /\r\n\r\n'],
    ['another version', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n'],
    ['a target with a space', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('T-FRAME-3 a request with %s is refused', (_, text) => refused(text))

  it('T-HEAD-1 HEAD has the head of GET and no body, and leaves the connection to the next request', async () => {
    server().answer = async () => ({ kind: 'whole', status: 418, headers: { 'x-test': 'yes' }, body: 'a teapot' })
    const peer = await ask(request('HEAD', '/', []), 1)
    expect(peer.text.toLowerCase()).toContain('\r\nx-test: yes\r\n')
    expect(peer.text.toLowerCase()).toContain('\r\ncontent-length: 8\r\n')
    const two = await ask(request('HEAD', '/', []) + get('/'), 2)
    expect(two.text.match(/a teapot/g)).toHaveLength(1)
    expect(two.text.endsWith('a teapot')).toBe(true)
  })

  it('T-PIPE-1 requests sent at once are answered in order, each when the one before it is', async () => {
    server().answer = async ({ path }) => ({ kind: 'whole', status: 200, body: `answer to ${path};` })
    const peer = await ask(
      upTo(10)
        .map((number) => get(`/${number}`))
        .join(''),
      10,
    )
    expect([...peer.text.matchAll(/answer to \/(\d)/g)].map(([, number]) => Number(number))).toEqual(upTo(10))
  })

  it('T-PIPE-1 one that waits for an answer before it is answered behind it, or the connection ends: never out of order', async () => {
    const releases: (() => void)[] = []
    server().answer = async ({ path }) => {
      if (path === '/slow') await new Promise<void>((resolve) => releases.push(resolve))
      return { kind: 'whole', status: 200, body: `answer to ${path};` }
    }
    const peer = server().raw(get('/slow') + get('/fast'))
    await eventually(() => releases.length === 1, 'the first')
    await pause(QUIET_MS)
    expect(peer.statuses).toEqual([])
    expect(paths()).toEqual(['/slow'])
    releases[0]!()
    await eventually(() => peer.isClosed || peer.statuses.length === 2, 'both, or the end')
    expect(['', '/slow', '/slow /fast']).toContain(
      [...peer.text.matchAll(/answer to (\S+);/g)].map(([, path]) => path).join(' '),
    )
    peer.destroy()
  })

  it('T-PIPE-2 behind good requests one that cannot be read is refused last', async () => {
    const peer = server().raw(get('/good') + request('POST', '/', ['Content-Length: x']) + SMUGGLED)
    await peer.closed()
    expect(peer.statuses).toEqual([200, 400])
    expect(paths()).toEqual(['/good'])
  })

  it('T-DEFECT-3 a rejected answer is 500 with what the handlers say, and the connection stays', async () => {
    server().answer = async ({ path }) => {
      if (path === '/bad') throw new Error('secret')
      return { kind: 'whole', status: 200, body: 'good' }
    }
    const peer = server().raw(get('/bad'))
    await peer.answers(1)
    expect(peer.text).toContain('a defect')
    expect(peer.text).not.toContain('secret')
    expect(server().defects).toEqual(['a request: secret'])
    peer.write(get('/next'))
    await peer.answers(2)
    expect(peer.statuses).toEqual([500, 200])
    peer.destroy()
  })

  it('T-REQUEST-3 a client that leaves before its answer harms nobody', async () => {
    server().answer = async () => {
      await pause(QUIET_MS)
      return { kind: 'whole', status: 200, body: 'x'.repeat(100_000) }
    }
    const peer = server().raw(get('/'))
    await eventually(() => server().requests.length === 1, 'the request')
    peer.destroy()
    await pause(2 * QUIET_MS)
    expect(server().defects).toEqual([])
  })

  it('T-REQUEST-4 a large answer arrives whole', async () => {
    const body = Buffer.alloc(3_000_000, 'abc')
    server().answer = async () => ({ kind: 'whole', status: 200, body })
    const response = await fetch(`http://127.0.0.1:${server().port}/`)
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true)
  })
})

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('splitTarget', () => {
  it.each([
    ['/a?b=c?d', '/a', 'b=c?d'],
    ['/', '/', ''],
    ['http://host:80/a', '/a', ''],
    ['HTTPS://user@host?x', '/', 'x'],
    ['/http://host/a', '/http://host/a', ''],
    ['*', '*', ''],
  ])('T-REQUEST-1 %s', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query })
  })
})
