import { DEFAULTS } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { ANYBODY } from '../../src/access/index.ts'
import type { DeliverySocket } from '../../src/delivery/index.ts'
import { Admission } from '../../src/gateway/admission.ts'
import { LOOK_MS } from '../../src/gateway/sse/event-socket.ts'
import { Streams } from '../../src/gateway/sse/streams.ts'
import type { HttpResponse, StreamResponse, TransportStream } from '../../src/gateway/transport/transport.ts'
import { ModelNode, TOPIC } from '../delivery/model-node.ts'
import type { SimulatedSocket } from '../delivery/support.ts'
import { noLimits } from '../support/limits.ts'

/** A response whose client may stop reading. */
class SimulatedStream implements TransportStream {
  text = ''
  isClosed = false
  isStalled = false
  buffered = 0

  send(chunk: Buffer | string): 'sent' | 'buffered' | 'dropped' {
    if (this.isClosed) return 'dropped'
    this.text += chunk.toString()
    if (this.isStalled) this.buffered += chunk.length
    return this.isStalled ? 'buffered' : 'sent'
  }

  bufferedBytes(): number {
    return this.buffered
  }

  close(): void {
    this.isClosed = true
  }
}

function setUp() {
  const node = new ModelNode()
  const delivery = {
    // The model's sessions take any delivery socket.
    openSubscriber: (socket: DeliverySocket) =>
      node.openSubscriber(socket as SimulatedSocket, { windowBytes: DEFAULTS.windowBytes, mode: 'buffered' }),
  }
  const streams = new Streams(delivery, { admits: () => true }, new Admission(1_000), () => 'defect')
  const open = async (query: string): Promise<HttpResponse | StreamResponse> =>
    streams.open(
      {
        method: 'GET',
        path: '/v1/stream',
        query: new URLSearchParams(query),
        remoteAddress: '',
        certificate: undefined,
        ambient: { kind: 'none' },
        from: '',
        limits: noLimits(),
        onLeave: () => {},
        header: () => undefined,
        body: async () => undefined,
      },
      ANYBODY,
    )
  const attached = async () => {
    const stream = new SimulatedStream()
    const answer = await open(`topic=${TOPIC}`)
    if (answer.kind !== 'stream') throw new Error(`refused with ${answer.status}`)
    return { stream, handler: answer.open(stream) }
  }
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += LOOK_MS) streams.tick()
  }
  const arrive = (count: number, idBytes = 10) => {
    node.append(
      0,
      Array.from({ length: count }, (_, i) => ({ id: `${i}`.padEnd(idBytes, '.') })),
    )
    node.tail(0)
    node.flush()
  }
  return { node, streams, open, attached, pass, arrive }
}

describe('streams', () => {
  it('G-STREAM-6 a quiet stream is never silent for longer than a ping interval, whenever it spoke last', async () => {
    const { attached, pass, arrive } = setUp()
    const { stream } = await attached()
    const comments = () => stream.text.split('\n').filter((line) => line === ':').length
    // The last write came just before a look, or just after one: then a second more has passed than was counted.
    for (let round = 1; round <= 3; round++) {
      arrive(1)
      pass(DEFAULTS.pingMs - 2 * LOOK_MS)
      expect(comments()).toBe(round - 1)
      pass(LOOK_MS)
      expect(comments()).toBe(round)
    }
    pass(10 * DEFAULTS.pingMs)
    expect(comments()).toBeGreaterThanOrEqual(3 + 10)
  })

  it('G-STREAM-6 a stream that speaks needs no comments', async () => {
    const { attached, pass, arrive } = setUp()
    const { stream } = await attached()
    for (let i = 0; i < 10; i++) {
      arrive(1)
      pass(DEFAULTS.pingMs / 2)
    }
    expect(stream.text.split('\n')).not.toContain(':')
  })

  it('G-STREAM-6 ends a stream whose client takes nothing for two intervals', async () => {
    const { streams, attached, pass, arrive } = setUp()
    const { stream } = await attached()
    stream.isStalled = true
    arrive(1)
    pass(2 * DEFAULTS.pingMs - LOOK_MS)
    expect(stream.isClosed).toBe(false)
    pass(LOOK_MS)
    expect(stream.isClosed).toBe(true)
    expect(streams.size).toBe(0)
  })

  it('G-STREAM-5 writes no more than the window to a client that does not read, and goes on when it does', async () => {
    const { node, attached, arrive } = setUp()
    const { stream, handler } = await attached()
    stream.isStalled = true
    for (let i = 0; i < 100; i++) arrive(10, 1_000)
    // The lines around the data come on top of the frames.
    expect(stream.buffered).toBeLessThan(DEFAULTS.windowBytes + 10_000)
    expect(stream.buffered).toBeGreaterThan(DEFAULTS.windowBytes / 2)
    const before = stream.text.length
    stream.isStalled = false
    stream.buffered = 0
    handler.drained()
    expect(stream.text.length).toBeGreaterThan(before + 100_000)
    // A window this large is written in parts.
    for (let flushes = 0; flushes < 10; flushes++) node.flush()
    const ids = [...stream.text.matchAll(/"id":"(\d+)\.*"/g)].map(([, id]) => id)
    expect(ids).toHaveLength(1_000)
  })

  it('G-STREAM-2 the id of each event is the vector behind it', async () => {
    const { attached, arrive } = setUp()
    const { stream } = await attached()
    arrive(3)
    arrive(2)
    const ids = [...stream.text.matchAll(/^event: (\w+)\nid: (\S+)$/gm)].map(([, event, id]) => [event, id])
    expect(ids.map(([event]) => event)).toEqual(['subscribed', 'batch', 'batch'])
    expect(new Set(ids.map(([, id]) => id)).size).toBe(3)
    expect(ids[2]![1]).toMatch(/^\w+!e1,e1!a\.x:hnl\/\w+,0\.1,\w+\/\w+$/)
  })

  it('G-STREAM-7 drains: ends what is open, and opens nothing', async () => {
    const { streams, open, attached } = setUp()
    const { stream } = await attached()
    streams.drain()
    expect(stream.isClosed).toBe(true)
    expect(stream.text).toMatch(/\nretry: \d+\n\n$/)
    expect(streams.size).toBe(0)
    expect(await open(`topic=${TOPIC}`)).toMatchObject({ status: 200, body: expect.stringContaining('"unavailable"') })
  })

  it('G-STREAM-5 a client that has gone leaves nothing behind', async () => {
    const { node, streams, attached, arrive } = setUp()
    const { handler } = await attached()
    handler.closed()
    expect(streams.size).toBe(0)
    arrive(1)
    expect(node.totals[1].queued).toBe(0)
  })
})
