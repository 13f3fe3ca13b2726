import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { socketUrl } from '../src/connection/socket.ts'
import { createClient as createPlainClient, type TidegateClient, type TidegateError } from '../src/index.ts'
import { createClient } from '../src/node.ts'
import { ScriptedServer, until } from './support/scripted-server.ts'

let server: ScriptedServer
let client: TidegateClient

beforeEach(async () => {
  server = await ScriptedServer.start()
  client = createClient({ url: server.url, connect: true, producer: 'till-7' })
})

afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  await server.close()
})

describe('connection', () => {
  test('C-HELLO-1 hello - comes first, with a session larger than every earlier one', async () => {
    const before = Date.now()
    const sessions: number[] = []
    for (let i = 0; i < 3; i++) {
      const peer = await server.peer()
      const hello = await peer.greet()
      expect(peer.received[0]).toBe(hello)
      expect(hello).toMatchObject({ protocol: 1, producer: 'till-7', windowBytes: 65_536 })
      sessions.push(hello.session!)
      peer.socket.terminate()
    }
    expect(sessions[0]).toBeGreaterThanOrEqual(before)
    expect(sessions[1]).toBeGreaterThan(sessions[0]!)
    expect(sessions[2]).toBeGreaterThan(sessions[1]!)
    expect(server.asked[0]).toBe('/v1/ws tidegate.v1')
  })

  test('C-HELLO-1 hello - a producer is made up where none is given; the window is bounded as the server bounds it', async () => {
    const others = [
      createClient({ url: server.url, connect: true, windowBytes: 1 }),
      createClient({ url: server.url, connect: true, windowBytes: 1e9 }),
    ]
    const hellos = [
      await (await server.peer()).greet(),
      await (await server.peer()).greet(),
      await (await server.peer()).greet(),
    ]
    expect(new Set(hellos.map(({ producer }) => producer)).size).toBe(3)
    expect(hellos.map(({ windowBytes }) => windowBytes).sort()).toEqual([4_096, 4_194_304, 65_536].sort())
    await Promise.all(others.map((other) => other.close({ deadlineMs: 0 })))
  })

  test('C-HELLO-2 url - names the gateway by http or ws, with or without a path', () => {
    expect(socketUrl('http://gw:8080/any?thing=1')).toBe('ws://gw:8080/v1/ws')
    expect(socketUrl('https://gw')).toBe('wss://gw/v1/ws')
    expect(socketUrl('ws://[::1]:1')).toBe('ws://[::1]:1/v1/ws')
    expect(socketUrl('wss://gw/')).toBe('wss://gw/v1/ws')
    for (const url of ['gw:8080', 'ftp://gw', '', 'localhost']) {
      expect(() => socketUrl(url)).toThrow(expect.objectContaining({ code: 'invalid_url' }))
    }
  })

  test('WebSocket - a platform without one says where to get it', () => {
    const { WebSocket } = globalThis
    try {
      Object.assign(globalThis, { WebSocket: undefined })
      expect(() => createPlainClient({ url: server.url, connect: true })).toThrow(
        expect.objectContaining({ code: 'no_websocket' }),
      )
    } finally {
      Object.assign(globalThis, { WebSocket })
    }
  })

  test('C-STATUS-1 status - follows the connection; a listener that left hears nothing', async () => {
    const heard: string[] = []
    const none: string[] = []
    client.onStatus((status) => heard.push(status))
    client.onStatus((status) => none.push(status))()
    expect(client.status.get().state).toBe('connecting')
    const peer = await server.greeted()
    await until(() => client.status.get().state === 'online', 'online')
    peer.socket.terminate()
    await server.greeted()
    await until(() => client.status.get().state === 'online', 'online again')
    await client.close({ deadlineMs: 0 })
    expect(heard).toEqual(['online', 'offline', 'connecting', 'online', 'closed'])
    expect(none).toEqual([])
  })

  test('C-BACKOFF-1 reconnect - a gateway that is not there is tried again', async () => {
    const statuses: string[] = []
    await server.greeted()
    client.onStatus((status) => statuses.push(status))
    const { url } = server
    await server.close()
    await until(() => statuses.filter((status) => status === 'connecting').length >= 3, 'three attempts')
    server = await ScriptedServer.start(Number(new URL(url).port))
    await server.greeted()
    await until(() => client.status.get().state === 'online', 'online')
  })

  test('C-CLOSE-1 close reason - its retryAfterMs is the wait', async () => {
    const peer = await server.greeted()
    const closedAt = performance.now()
    peer.socket.close(4_008, JSON.stringify({ retryAfterMs: 250 }))
    await server.peer()
    expect(performance.now() - closedAt).toBeGreaterThanOrEqual(249)
  })

  test.each([4_001, 4_008, 4_029, 1_001, 1_011])('C-CLOSE-2 close code %d - the client comes back', async (code) => {
    const peer = await server.greeted()
    peer.socket.close(code, 'not JSON')
    await server.greeted()
  })

  test.each([4_500, 4_502])('C-CLOSE-2 close code %d - everything ends, with the cause', async (code) => {
    const subscription = client.subscribe('a')
    const outstanding = [client.publish('a', { data: {} }), client.query('topics'), subscription.ready]
    for (const each of outstanding) each.catch(() => {})
    const peer = await server.greeted()
    peer.send({ type: 'error', code: 'version_unsupported', message: 'Another version.', retryable: false })
    peer.socket.close(code, 'version_unsupported')
    const later = [
      () => client.publish('a', { data: {} }),
      () => client.query('topics'),
      () => client.subscribe('a').ready,
    ]
    await until(() => client.status.get().state === 'closed', 'closed')
    for (const ended of [...outstanding, ...later.map((call) => call())]) {
      const error = (await ended.then(
        () => undefined,
        (reason: unknown) => reason,
      )) as TidegateError
      expect(error).toMatchObject({ code: 'closed', retryable: false, cause: { code: 'version_unsupported' } })
      expect(error.message).toContain(`${code}`)
    }
    await client.close({ deadlineMs: 1_000 })
  })

  test('C-SILENCE-1 silence - beyond 2.5 ping intervals is a dead connection', async () => {
    await server.greeted({ pingMs: 40 })
    const greetedAt = performance.now()
    await server.peer()
    expect(performance.now() - greetedAt).toBeGreaterThanOrEqual(90)
  })

  test('C-PING-1 ping - is answered with its time', async () => {
    const peer = await server.greeted()
    peer.send({ type: 'ping', time: 1_234 })
    expect(await peer.take('pong')).toEqual({ type: 'pong', time: 1_234 })
  })

  test('C-FRAME-1 frames - of an unknown type are skipped', async () => {
    const peer = await server.greeted()
    peer.send({ type: 'novelty' })
    peer.send({ type: 'bus', class: 'append', state: 'open', since: 1 })
    await peer.settled()
    expect(server.asked).toHaveLength(1)
  })

  test('C-FRAME-2 frames - of a known type with a wrong field are none: another connection is opened', async () => {
    const peer = await server.greeted()
    peer.sendText('{"type":"batch"}')
    await server.greeted()
  })

  test.each(['not JSON', 'null', '7'])(
    'C-FRAME-1 text %s - is no frame: another connection is opened',
    async (text) => {
      const peer = await server.greeted()
      peer.sendText(text)
      await server.greeted()
    },
  )

  test('C-QUERY-1 query - waits for a connection, and is asked again on the next', async () => {
    const answer = client.query('window', { name: 'sensor.10s' })
    const first = await server.greeted()
    expect(await first.take('query')).toMatchObject({ name: 'window', params: { name: 'sensor.10s' } })
    first.socket.terminate()
    const second = await server.greeted()
    const { id } = await second.take('query')
    second.send({ type: 'result', id, data: [1] })
    expect(await answer).toEqual([1])
  })

  test('C-QUERY-3 query - refused with retryAfterMs is asked again no sooner, and rejects if its time is over by then', async () => {
    const peer = await server.greeted()
    const refuse = async (retryAfterMs: number) => {
      const { id } = await peer.take('query')
      peer.send({ type: 'error', id, code: 'rate_limited', message: 'Later.', retryable: true, retryAfterMs })
      return performance.now()
    }
    const answer = client.query('topics')
    const refusedAt = await refuse(250)
    const { id } = await peer.take('query')
    expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(249)
    peer.send({ type: 'result', id, data: [1] })
    expect(await answer).toEqual([1])
    const late = client.query('topics')
    late.catch(() => {})
    await refuse(60_000)
    await expect(late).rejects.toMatchObject({ code: 'rate_limited', retryable: true })
  })

  test('C-QUERY-1 query - rejects with the code of the server', async () => {
    const peer = await server.greeted()
    const answer = client.query('nope')
    answer.catch(() => {})
    const { id } = await peer.take('query')
    peer.send({ type: 'error', id, code: 'unknown_query', message: 'No.', retryable: false })
    await expect(answer).rejects.toMatchObject({ code: 'unknown_query', retryable: false })
  })
})
