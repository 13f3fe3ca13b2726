import { describe, expect, it } from 'vitest'
import { splitTarget } from '../../../src/gateway/transport/node/request-target.ts'
import { describeTransports, eventually, get, handshake, pause, QUIET_MS, request } from './support.ts'

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

  it('T-REQUEST-1 a target that names the server too is refused unless Host names the same one', async () => {
    const { statuses } = await ask(get('http://example.com/there?x=1'))
    const seen = server().requests.map(({ path, query }) => `${path} ${query}`)
    expect([...statuses, ...seen]).toEqual(server().name === 'node' ? [400] : [505])
    const same = await ask('GET http://Name/there?x=1 HTTP/1.1\r\nHost: name\r\n\r\n')
    expect(same.statuses).toEqual(server().name === 'node' ? [200] : [505])
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
    ['chunked in quotes', ['Transfer-Encoding: "chunked"'], 400],
    ['chunked behind a comma', ['Transfer-Encoding: , chunked'], 400],
    ['chunked before a comma', ['Transfer-Encoding: chunked,'], 400],
    ['chunked with a parameter', ['Transfer-Encoding: chunked;q=1'], 400],
    ['chunked behind another space', ['Transfer-Encoding: \x0bchunked'], 400],
    ['chunked in letters that look alike', ['Transfer-Encoding: chun\xe2\x84\xaaed'], 400],
    ['an empty coding', ['Transfer-Encoding: '], 400],
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
    const before = paths()
    const peer = server().raw(text + SMUGGLED)
    for (let waits = 0; waits < 30 && !peer.isClosed; waits++) await pause(10)
    expect(peer.statuses.filter((status) => ![100, 400, 501, 505].includes(status))).toEqual([])
    expect(paths()).toEqual(before)
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
    ['another control character in a value', ['X-A: b\x07c']],
    ['a delete in a value', ['X-A: b\x7fc']],
    ['a line that is folded by a tab', ['X-A: b', '\tContent-Length: 40']],
    ['a name with a bracket', ['X(A: b']],
    ['two hosts', ['Host: y']],
  ])('T-FRAME-3 %s is refused, and nothing behind it is read', (_, headers) => refused(request('POST', '/', headers)))

  it.each([
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['no version', 'GET /\r\n\r\n'],
    ['another version', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n'],
    ['a newer version', 'GET / HTTP/2.0\r\nHost: x\r\n\r\n'],
    ['a version that there is not', 'GET / HTTP/1.2\r\nHost: x\r\n\r\n'],
    ['a target with a space', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a target with a zero byte', 'GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a target that is a server', 'GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a method that is no token', 'G@T / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['lines that end in a line feed alone', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['a space before its first name', 'GET / HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n'],
  ])('T-FRAME-3 a request with %s is refused', (_, text) => refused(text))

  it('T-FRAME-5 HTTP/1.0 is refused by uWebSockets.js; else it is one request, not an upgrade, and in no chunks', async () => {
    const old = (text: string) => server().raw(text.replace('HTTP/1.1', 'HTTP/1.0'))
    const status = server().name === 'node' ? 200 : 505
    for (const text of [get('/plain'), handshake()]) {
      const peer = old(text)
      await peer.closed()
      expect(peer.statuses).toEqual([status])
    }
    const chunked = old(request('POST', '/', [CHUNKED], '0\r\n\r\n') + SMUGGLED)
    await chunked.closed()
    expect(chunked.statuses).toEqual([server().name === 'node' ? 400 : 505])
    expect(paths()).not.toContain('/smuggled')
    expect(server().sockets).toEqual([])
  })

  it('T-REQUEST-8 an expectation of 100-continue is met, another one is not looked at, and the head is judged first', async () => {
    server().answer = async (asked) => ({ kind: 'whole', status: 200, body: (await asked.body()) ?? '' })
    const peer = server().raw(request('POST', '/', ['Expect: 100-continue', 'Content-Length: 5']))
    await peer.answers(1)
    expect(peer.statuses).toEqual([100])
    peer.write('hello')
    await peer.answers(2)
    expect(peer.statuses).toEqual([100, 200])
    peer.destroy()
    const other = await ask(request('POST', '/', ['Expect: something', 'Content-Length: 5'], 'hello'))
    expect([other.statuses, other.text.endsWith('hello')]).toEqual([[200], true])
    expect(other.text).toContain('x-content-type-options: nosniff')
    for (const expectation of ['something', '100-continue']) {
      await refused(request('POST', '/no', [`Expect: ${expectation}`, 'Host: y', 'Content-Length: 0']))
      await refused(request('POST', '/no', [`Expect: ${expectation}`, 'Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'))
    }
  })

  it.each([
    ['a field', 'X-A: b\r\n'],
    ['a field that looks like a request', 'X: /smuggled HTTP/1.1\r\nHost: x\r\n'],
    // uWebSockets.js passes over two bytes.
    ['one that holds a request', 'A:GET /smuggled HTTP/1.1\r\nHost: x\r\n'],
    ['one that holds a request, later', 'X: y\r\nA:GET /smuggled HTTP/1.1\r\nHost: x\r\n'],
    ['a request', 'GET /smuggled HTTP/1.1\r\nHost: x\r\n'],
    ['another framing', 'Content-Length: 40\r\n'],
  ])(
    'T-FRAME-7 behind the last chunk %s is no request: it is passed over, or ends the connection',
    async (_, trailer) => {
      server().answer = async ({ path, body }) => {
        const read = await body()
        if (path === '/slow') await pause(QUIET_MS)
        return { kind: 'whole', status: path === '/none' ? 204 : 200, body: path === '/none' ? '' : (read ?? '') }
      }
      const sent: string[] = []
      for (const path of ['/', '/slow', '/none']) {
        for (const method of ['POST', 'GET', 'HEAD']) {
          // At once, behind the answer, or before it.
          for (const waitMs of [0, 30]) {
            const peer = server().raw(request(method, path, [CHUNKED], '5\r\nhello\r\n0\r\n'))
            sent.push(path)
            if (waitMs > 0) await pause(waitMs)
            peer.write(`${trailer}\r\n`)
            await eventually(() => peer.isClosed || peer.statuses.length > 0, 'an answer, or the end')
            if (waitMs === 0) await pause(20)
            expect(peer.statuses.filter((status) => ![200, 204, 400, 505].includes(status))).toEqual([])
            peer.destroy()
          }
        }
      }
      expect(paths()).toEqual(sent)
    },
  )

  it('T-FRAME-7 a body in chunks has an answer whole, however large, and the connection stays only where trailers are read', async () => {
    const large = Buffer.alloc(3_000_000, 'abc')
    server().answer = async ({ body }) => {
      await body()
      return { kind: 'whole', status: 200, body: large }
    }
    const peer = server().raw(request('POST', '/', [CHUNKED], '5\r\nhello\r\n0\r\n\r\n'))
    await eventually(() => peer.bytes.length > large.length, 'all of it')
    expect(peer.bytes.subarray(-large.length).equals(large)).toBe(true)
    await eventually(() => peer.isClosed || server().name === 'node', 'the end')
    expect(peer.isClosed).toBe(server().name === 'uws')
    peer.destroy()
  })

  it('T-FRAME-8 an extension of a chunk is passed over, or ends the connection', async () => {
    server().answer = async (asked) => ({ kind: 'whole', status: 200, body: (await asked.body()) ?? '' })
    const peer = server().raw(request('POST', '/', [CHUNKED], '5;a="b\\"";c\r\nhello\r\n0;x\r\n\r\n') + SMUGGLED)
    await eventually(() => peer.isClosed || peer.statuses.length === 2, 'both, or the end')
    expect([['/'], ['/', '/smuggled']]).toContainEqual(paths())
    if (server().name === 'node') expect(server().requests[0]!.body).toEqual(Buffer.from('hello'))
    else expect(peer.statuses.filter((status) => status !== 400)).toEqual([])
    peer.destroy()
  })

  it('T-FRAME-6 a header without a name is refused; uWebSockets.js sees nothing that stands behind it', async () => {
    const peer = server().raw(request('POST', '/', [': x', `Content-Length: ${SMUGGLED.length}`], SMUGGLED))
    await peer.answers(1)
    await eventually(() => peer.isClosed || paths().length === 2, 'both, or the end')
    expect(paths()).toEqual(server().name === 'node' ? [] : ['/', '/smuggled'])
    peer.destroy()
  })

  it('T-REQUEST-6 an address that is not percent-encoded UTF-8 is refused, and the connection stays', async () => {
    for (const target of ['/a?%ff', '/a?\xff', '/\xc3\xa9']) {
      const peer = server().raw(request('POST', target, ['Content-Length: 5'], 'hello') + get('/next'))
      await eventually(() => peer.isClosed || peer.statuses.length === 2, 'both, or the end')
      // The parser of Node refuses a target that is not ASCII, and its connection.
      expect([[400, 200], [400]]).toContainEqual(peer.statuses)
      peer.destroy()
    }
    expect(paths().filter((path) => path !== '/next')).toEqual([])
  })

  it('T-HEADER-1 T-HEADER-2 every answer tells browsers to guess, load and frame nothing, and none names the software', async () => {
    server().answer = async ({ path }) => {
      const headers = path === '/own' ? { 'content-security-policy': 'of its own' } : {}
      if (path === '/stream') return server().stream()
      return { kind: 'whole', status: path === '/none' ? 204 : 200, headers, body: '' }
    }
    const texts = [
      ...['/', '/own', '/none', '/stream', '/?%ff'].map((path) => get(path)),
      request('POST', '/', ['Content-Length: x']),
      handshake({ 'Sec-WebSocket-Version': '8' }),
    ]
    for (const text of texts) {
      const peer = await ask(text)
      expect(peer.text).toContain('x-content-type-options: nosniff\r\n')
      expect(peer.text).toContain(
        text.startsWith('GET /own') ? 'policy: of its own\r\n' : "policy: default-src 'none'; ",
      )
      expect(peer.text.match(/content-security-policy/g)).toHaveLength(1)
      expect(peer.text).not.toMatch(/uwebsockets|^server:|powered/im)
      if (text.startsWith('GET /none')) expect(peer.text.toLowerCase()).not.toContain('content-length')
    }
    const opened = await ask(handshake())
    expect(opened.text).not.toMatch(/uwebsockets/i)
  })

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
    ['/a?b=c?d', '/a', 'b=c?d', undefined],
    ['/', '/', '', undefined],
    ['http://host:80/a', '/a', '', 'host:80'],
    ['HTTPS://user@host?x', '/', 'x', 'user@host'],
    ['/http://host/a', '/http://host/a', '', undefined],
    ['*', '*', '', undefined],
  ])('T-REQUEST-1 %s', (target, path, query, authority) => {
    expect(splitTarget(target)).toEqual({ authority, path, query })
  })
})
