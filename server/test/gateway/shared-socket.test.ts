import { formatShared, parseShared, SHARED_SUBPROTOCOL } from '@tidegate/protocol'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { SharedSocket, type SharedSocketHost } from '../../src/gateway/shared-socket.ts'
import type { TransportSocket } from '../../src/gateway/transport/transport.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()

type Frame = Record<string, unknown> & { type: string }

/** A socket that several clients share, and what came for each of them. */
class Shared {
  readonly socket: WebSocket
  /** `+`, frames, and `-` with its code, in the order received. */
  readonly got: Record<number, (Frame | string)[]> = {}
  readonly closed: Promise<number>

  constructor(port: number, headers: Readonly<Record<string, string>> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, SHARED_SUBPROTOCOL, { headers })
    this.socket.on('message', (data) => {
      const message = parseShared(String(data))!
      this.got[message.client] ??= []
      const got = this.got[message.client]!
      if (message.kind === 'frame') got.push(JSON.parse(message.frame) as Frame)
      else got.push(message.kind === 'open' ? '+' : `-${message.code} ${message.reason}`)
    })
    this.closed = new Promise((resolve) => this.socket.on('close', resolve))
    open.push(this)
  }

  async opened(): Promise<this> {
    await new Promise((resolve) => this.socket.once('open', resolve))
    return this
  }

  send(client: number, frame: object): void {
    this.socket.send(formatShared({ kind: 'frame', client, frame: JSON.stringify(frame) }))
  }

  async hello(client: number, more: object = {}): Promise<Frame> {
    this.socket.send(`${client}+`)
    this.send(client, { type: 'hello', protocol: 1, client: 'test', ...more })
    return this.next(client, 'welcome')
  }

  next(client: number, type: string): Promise<Frame> {
    return expect
      .poll(() => this.got[client]?.some((one) => typeof one === 'object' && one.type === type) || this.got[client])
      .toBe(true)
      .then(() => {
        const got = this.got[client]!
        const at = got.findIndex((one) => typeof one === 'object' && one.type === type)
        return got.splice(at, 1)[0] as Frame
      })
  }

  ends(client: number): Promise<void> {
    return expect.poll(() => this.got[client]?.at(-1)).toMatch(/^-/)
  }
}

let open: Shared[] = []
afterEach(() => {
  for (const { socket } of open) socket.terminate()
  open = []
})

const reading = (temperature: number) => ({ data: { sensorId: 'attic', temperature, humidity: 40 } })

describe('a socket that several clients share', () => {
  test('G-SHARED-1 each client publishes as its own producer, subscribes, and ends alone', async () => {
    const shared = await new Shared(server.port).opened()
    const [one, two] = await Promise.all([
      shared.hello(1, { producer: 'tab-1', sequence: 'new' }),
      shared.hello(2, { producer: 'tab-2', sequence: 'new' }),
    ])
    expect(shared.socket.protocol).toBe(SHARED_SUBPROTOCOL)
    expect(one.session).not.toBe(two.session)
    shared.send(1, { type: 'subscribe', sub: 1, topic: 'sensor.reading' })
    shared.send(2, { type: 'subscribe', sub: 1, topic: 'sensor.reading' })
    await Promise.all([shared.next(1, 'subscribed'), shared.next(2, 'subscribed')])
    // Of each producer the first frame.
    shared.send(1, { type: 'publish', seq: 1, topic: 'sensor.reading', events: [reading(1)] })
    shared.send(2, { type: 'publish', seq: 1, topic: 'sensor.reading', events: [reading(2)] })
    expect((await shared.next(1, 'ack')).duplicate).toBeUndefined()
    expect((await shared.next(2, 'ack')).duplicate).toBeUndefined()
    await Promise.all([shared.next(1, 'batch'), shared.next(2, 'batch')])
    shared.send(1, { type: 'hello', protocol: 1, client: 'test' })
    await shared.ends(1)
    expect(shared.got[1]!.at(-1)).toBe('-4500 protocol_error')
    shared.send(2, { type: 'query', id: 1, name: 'topics' })
    await shared.next(2, 'result')
    const { sessions } = await sessionsOf()
    shared.socket.send('2-')
    await expect.poll(async () => (await sessionsOf()).sessions).toBe(sessions - 1)
    await shared.hello(3)
    shared.socket.terminate()
    await expect.poll(async () => (await sessionsOf()).sessions).toBe(sessions - 1)
  })

  test('G-SHARED-4 what is no message ends the socket, a frame for nobody does not', async () => {
    for (const text of ['hello', '{"type":"hello"}', '1', '-1+', '1+x', '01:{}']) {
      const shared = await new Shared(server.port).opened()
      shared.socket.send(text)
      expect([text, await shared.closed]).toEqual([text, 4500])
    }
    const twice = await new Shared(server.port).opened()
    twice.socket.send('1+')
    twice.socket.send('1+')
    expect(await twice.closed).toBe(4500)
    const shared = await new Shared(server.port).opened()
    await shared.hello(1)
    shared.send(7, { type: 'hello', protocol: 1, client: 'test' })
    shared.socket.send('7-')
    shared.send(1, { type: 'query', id: 1, name: 'topics' })
    await shared.next(1, 'result')
  })

  test('G-SHARED-4 without a client for 5 s it is closed', () => {
    vi.useFakeTimers()
    try {
      const { shared, closed } = alone({})
      vi.advanceTimersByTime(4_000)
      shared.message(Buffer.from('1+'), true)
      vi.advanceTimersByTime(60_000)
      shared.message(Buffer.from('1-'), true)
      vi.advanceTimersByTime(4_000)
      expect(closed).toEqual([])
      vi.advanceTimersByTime(1_000)
      expect(closed).toEqual([4002])
    } finally {
      vi.useRealTimers()
    }
  })

  test('G-SHARED-5 what is no frame of a client counts, and ends the socket over its rate', () => {
    let spent = 0
    const { shared, closed } = alone({
      spent(bytes) {
        spent += bytes
        return spent > 10 ? { code: 4029, reason: '{}' } : undefined
      },
    })
    shared.message(Buffer.from('1+'), true)
    shared.message(Buffer.from(`1:${'x'.repeat(100)}`), true)
    shared.message(Buffer.from('9:abc'), true)
    expect([spent, closed]).toEqual([7, []])
    shared.message(Buffer.from('9:abc'), true)
    expect(closed).toEqual([4029])
    shared.closed()
  })

  test('G-SHARED-3 the 65th client is closed, and the others stay', async () => {
    const shared = await new Shared(server.port).opened()
    for (let client = 1; client <= 65; client++) shared.socket.send(`${client}+`)
    await shared.ends(65)
    expect(shared.got[65]).toEqual(['-4029 too many clients on this socket'])
    expect(shared.got[64]).toEqual(['+'])
  })

  // The last one: the gateway ends with it.
  test('G-SHARED-3 while the gateway drains, its clients are asked to leave, and no other is taken', async () => {
    const shared = await new Shared(server.port).opened()
    await shared.hello(1)
    const ended = server.gateway.close({ deadlineMs: 2_000 })
    await shared.next(1, 'drain')
    shared.socket.send('2+')
    await shared.ends(2)
    expect(shared.got[2]).toEqual(['-4001 shutdown'])
    shared.socket.send('1-')
    await ended
  })
})

/** One on a socket that takes everything. */
function alone(changes: Partial<SharedSocketHost>): { readonly shared: SharedSocket; readonly closed: number[] } {
  const closed: number[] = []
  const socket: TransportSocket = {
    send: () => 'sent',
    together: (sends) => sends(),
    bufferedBytes: () => 0,
    close: (code) => closed.push(code),
  }
  const handler = { message() {}, drained() {}, closed() {} }
  const host = { refuse: () => undefined, open: () => handler, spent: () => undefined, closed() {}, ...changes }
  return { shared: new SharedSocket(socket, host), closed }
}

async function sessionsOf(): Promise<{ sessions: number }> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return { sessions: Number(/^tidegate_\w*(?:sessions|connections)\w*(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1]) }
}
