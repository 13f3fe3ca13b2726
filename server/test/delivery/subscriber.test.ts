import { CLOSE, type Lane, LIMITS } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { laneOf, ModelNode, TOPIC } from './model-node.ts'
import { SimulatedSocket, type TestEvent } from './support.ts'

function events(count: number, over: Partial<TestEvent> = {}, prefix = 'e'): TestEvent[] {
  return Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}`, ...over }))
}

function open(options: { windowBytes?: number; mode?: 'credit' | 'buffered'; events?: number } = {}) {
  const node = new ModelNode()
  const socket = new SimulatedSocket()
  const { windowBytes = 65_536, mode = 'buffered' } = options
  const session = node.openSubscriber(
    socket,
    { windowBytes, mode },
    { bytes: 1_000_000, events: options.events ?? 1_000 },
  )
  session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC })
  const { ledger } = session.subscriptions.get(1)!
  const arrive = (...batch: readonly TestEvent[]) => {
    node.append(0, batch)
    node.tail(0)
  }
  return { node, socket, session, ledger, arrive }
}

describe('frames', () => {
  it('D-LANE-1 D-FRAME-2 one frame per flush: high, normal, low, neighbours in one part', () => {
    const { node, socket, arrive } = open()
    arrive({ id: 'l1', lane: 'low' }, { id: 'n1', lane: 'normal' })
    arrive({ id: 'l2', lane: 'low' }, { id: 'h1', lane: 'high' })
    node.append(1, [{ id: 'n2', lane: 'normal' }])
    node.tail(1)
    node.flush()
    expect(socket.ofType('batch')).toHaveLength(1)
    expect(socket.parts().map((part) => [part.lane, part.events.map((event) => event.id)])).toEqual([
      ['high', ['h1']],
      ['normal', ['n1', 'n2']],
      ['low', ['l1', 'l2']],
    ])
  })

  it('D-LANE-2 low keeps moving under a constant surplus of high, an eighth of what is not kept for high', () => {
    const { node, socket, session, arrive } = open({ windowBytes: 4_000, mode: 'credit' })
    for (let round = 0; round < 12; round++) {
      arrive(...events(60, { lane: 'high' }), ...events(10, { lane: 'low' }))
      session.credit(socket.bytes)
      node.flush()
    }
    const lanes = socket.parts().flatMap((part) => part.events.map(() => part.lane))
    const share = lanes.filter((lane) => lane === 'low').length / lanes.length
    expect(share).toBeGreaterThan(0.08)
    expect(share).toBeLessThan(0.2)
  })

  it('D-LANE-2 low saves its share up when its events are larger than that', () => {
    const { node, socket, session, arrive } = open({ windowBytes: 2_000, mode: 'credit' })
    for (let round = 0; round < 20; round++) {
      arrive(...events(30, { lane: 'high' }), { id: 'large'.repeat(100), lane: 'low' })
      session.credit(socket.bytes)
      node.flush()
    }
    expect(socket.parts().filter((part) => part.lane === 'low').length).toBeGreaterThan(3)
  })

  it('D-LANE-3 a congested session is still sent high events, into the last quarter of the window', () => {
    const { node, socket, session, arrive } = open({ windowBytes: 4_000, mode: 'credit' })
    arrive(...events(200, { lane: 'low' }))
    node.flush()
    const full = socket.bytes
    expect(full).toBeGreaterThan(2_700)
    expect(full).toBeLessThanOrEqual(3_000)
    arrive(...events(100, { lane: 'high' }))
    node.flush()
    expect(socket.parts().at(-1)!.lane).toBe('high')
    expect(socket.bytes).toBeGreaterThan(full)
    expect(socket.bytes).toBeLessThanOrEqual(4_000)
    const stopped = socket.bytes
    node.flush()
    expect(socket.bytes).toBe(stopped)
    session.credit(stopped)
    node.flush()
    expect(socket.bytes).toBeGreaterThan(stopped)
  })

  it('D-FRAME-1 no batch frame is larger than what is left of the window, except one event on a nearly idle session', () => {
    const size = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.array(fc.tuple(size, fc.nat({ max: 2 })), { minLength: 1, maxLength: 8 }),
            fc.double({ min: 0, max: 1, noNaN: true }),
          ),
          { size: 'max', maxLength: 30 },
        ),
        fc.integer({ min: 200, max: 3_000 }),
        (rounds, windowBytes) => {
          const { node, socket, session, arrive } = open({ windowBytes, mode: 'credit' })
          let confirmed = 0
          const { send } = socket
          socket.send = (frame) => {
            const inFlight = socket.bytes - confirmed
            const single = frame.toString().split('"at":').length === 2
            if (frame.includes('"batch"') && !(single && inFlight <= windowBytes / 4)) {
              const onlyHigh = !/"lane":"(normal|low)"/.test(frame.toString())
              expect(inFlight + frame.length).toBeLessThanOrEqual(onlyHigh ? windowBytes : 0.75 * windowBytes)
            }
            return send.call(socket, frame)
          }
          for (const [batch, share] of rounds) {
            arrive(...batch.map(([length, lane], i) => ({ id: `${i}`.padEnd(length, '.'), lane: laneOf(lane) })))
            node.flush()
            confirmed = Math.max(confirmed, Math.floor(socket.bytes * share))
            session.credit(confirmed)
          }
        },
      ),
    )
  })
})

describe('batch', () => {
  it('D-FLUSH-2 says how long its events may wait: high and enough of them not at all', () => {
    const node = new ModelNode()
    const asked = new Map<number, number>()
    const session = node.openSubscriber(new SimulatedSocket(), undefined, undefined, (withinMs) =>
      asked.set(++turn, withinMs),
    )
    let turn = 0
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, batch: { maxMs: 80, maxEvents: 3 } })
    asked.clear()
    const arrive = (...lanes: Lane[]) => {
      const before = turn
      node.append(
        0,
        lanes.map((lane, i) => ({ id: `${i}`, lane })),
      )
      node.tail(0)
      return [...asked].filter(([each]) => each > before).map(([, withinMs]) => withinMs)
    }
    expect(arrive('low')).toEqual([80])
    expect(arrive('normal')).toEqual([80])
    expect(arrive('low')).toEqual([0])
    node.flush()
    expect(arrive('high', 'low')).toEqual([0, 80])
  })
})

describe('flow control of a session', () => {
  it('D-FLOW-4 keeps the events of a dropped frame queued and sends them again', () => {
    const { node, socket, ledger, arrive } = open()
    socket.dropping = true
    arrive(...events(3))
    node.flush()
    expect(ledger).toMatchObject({ delivered: 0, queued: 3 })
    socket.dropping = false
    node.flush()
    expect(socket.ids()).toEqual(['e0', 'e1', 'e2'])
    expect(ledger).toMatchObject({ delivered: 3, queued: 0 })
  })

  it('D-FLOW-5 writes control frames past a congested queue and counts them as in flight', () => {
    const { node, socket, session, arrive } = open({ windowBytes: 1_000, mode: 'credit' })
    session.sendControl({ type: 'result', id: 1, data: 'x'.repeat(1_000) })
    arrive(...events(3))
    node.flush()
    session.sendControl({ type: 'ping', time: 1 })
    expect(socket.frames.map((frame) => frame.type)).toEqual(['subscribed', 'result', 'ping'])
    session.credit(socket.bytes)
    node.flush()
    expect(socket.ids()).toEqual(['e0', 'e1', 'e2'])
  })

  it('D-FLOW-5 ends the session when a control frame is dropped', () => {
    const { socket, session } = open()
    socket.dropping = true
    session.sendControl({ type: 'ping', time: 1 })
    expect(socket.closed?.code).toBe(CLOSE.tooSlow)
    expect(session.subscriptions.size).toBe(0)
  })

  it('D-FLUSH-3 D-FLOW-1 writes on in the turn in which credit opens the window', () => {
    const { node, socket, session, arrive } = open({ windowBytes: 4_000, mode: 'credit' })
    arrive(...events(200))
    node.flush()
    const first = socket.ids().length
    expect(first).toBeLessThan(200)
    session.credit(socket.bytes)
    expect(socket.ids().length).toBeGreaterThan(first)
    while (socket.ids().length < 200) session.credit(socket.bytes)
    expect(socket.ids()).toEqual(events(200).map(({ id }) => id))
  })

  it('D-FLOW-1 writes on after the socket has drained, even if the drain was never told', () => {
    const { node, socket, arrive } = open({ windowBytes: 500 })
    socket.holding = true
    arrive(...events(50))
    node.flush()
    expect(socket.ids().length).toBeLessThan(50)
    for (let tick = 0; tick < 50; tick++) {
      socket.buffered = 0
      node.flush()
    }
    expect(socket.ids()).toHaveLength(50)
  })
})

describe('queue bounds', () => {
  it('D-QUEUE-1 drops the oldest of low before any of normal, and never high', () => {
    const { node, socket, session, arrive } = open({ events: 10 })
    socket.holding = true
    socket.buffered = 100_000
    for (let i = 0; i < 4; i++) arrive({ id: `h${i}`, lane: 'high' }, { id: `n${i}` }, { id: `l${i}`, lane: 'low' })
    for (let i = 4; i < 7; i++) arrive({ id: `n${i}` })
    node.settle(session, socket)
    expect(socket.ids()).toEqual(['h0', 'h1', 'h2', 'h3', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6'])
    expect(socket.gaps().map(({ lane, count, reason, fetchable }) => ({ lane, count, reason, fetchable }))).toEqual([
      { lane: 'normal', count: 1, reason: 'overflow', fetchable: true },
      { lane: 'low', count: 4, reason: 'overflow', fetchable: true },
    ])
    expect(node.totals[2]).toMatchObject({ delivered: 0, gapped: 4, queued: 0, queuedBytes: 0 })
  })

  it('D-QUEUE-2 closes with 4008 when high alone exceeds a bound', () => {
    const { node, socket, arrive } = open({ events: 10 })
    socket.buffered = 100_000
    arrive(...events(11, { lane: 'high' }))
    expect(socket.closed?.code).toBe(CLOSE.tooSlow)
    expect(JSON.parse(socket.closed!.reason)).toEqual({ retryAfterMs: expect.any(Number) })
    expect(node.totals[0]).toMatchObject({ queued: 0, queuedBytes: 0 })
  })

  it('D-GAP-1 joins adjacent drops into one gap, told where they lay', () => {
    const { node, socket, session, arrive } = open({ events: 4 })
    arrive(...events(2, {}, 'a'))
    node.flush()
    socket.buffered = 100_000
    for (const prefix of ['b', 'c', 'd', 'e']) arrive(...events(2, {}, prefix))
    node.settle(session, socket)
    const [gap, ...others] = socket.gaps()
    expect(others).toEqual([])
    const at = (id: string) => node.logged.find((event) => event.id === id)!.at
    expect(gap).toMatchObject({ sub: 1, topic: TOPIC, after: at('a1'), upTo: at('c1'), count: 4 })
    const order = socket.frames.map((frame) => frame.type)
    expect(order).toEqual(['subscribed', 'batch', 'gap', 'batch'])
  })

  it('D-PIN-1 delivers what was copied out as it was', () => {
    const { node, socket, session } = open()
    session.unsubscribe(1)
    session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, keys: ['rare'] })
    socket.buffered = 100_000
    for (let i = 0; i < 50; i++) {
      node.append(0, [{ id: `a${i}`, key: 'rare' }, ...events(40), { id: `b${i}`, key: 'rare' }])
      node.tail(0)
      if (i % 2 === 0) node.flush()
    }
    node.settle(session, socket)
    const expected = node.logged.filter(({ id }) => /^[ab]/.test(id)).map(({ id, at }) => ({ id, at }))
    expect(socket.events().map(({ id, at }) => ({ id, at }))).toEqual(expected)
  })
})

describe('subscriptions of a session', () => {
  it('D-SUB-2 refuses a surplus and an unknown subscription, and goes on', () => {
    const { node, socket, session, arrive } = open()
    for (let sub = 2; sub <= LIMITS.subscriptions + 1; sub++)
      session.subscribe({ type: 'subscribe', sub, topic: TOPIC })
    session.unsubscribe(99)
    expect(socket.ofType('error').map(({ sub, code }) => [sub, code])).toEqual([
      [LIMITS.subscriptions + 1, 'too_many_subscriptions'],
      [99, 'unknown_subscription'],
    ])
    arrive({ id: 'e' })
    node.flush()
    expect(socket.events()).toHaveLength(LIMITS.subscriptions)
  })

  it('D-SUB-5 a change from no keys at all is granted, and counts from there on', () => {
    const { node, socket, session, arrive } = open()
    session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, keys: [] })
    arrive({ id: 'before', key: 'a' })
    session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, keys: ['a'] })
    expect(socket.ofType('subscribed').filter(({ sub }) => sub === 2)).toHaveLength(2)
    arrive({ id: 'then', key: 'a' }, { id: 'other', key: 'b' })
    node.flush()
    const ofIt = socket.parts().filter(({ sub }) => sub === 2)
    expect(ofIt.flatMap((part) => part.events.map(({ id }) => id))).toEqual(['then'])
  })

  it('D-SUB-4 D-INDEX-2 starts with a position per lane asked for, and sends nothing after unsubscribed', () => {
    const { node, socket, session, arrive } = open()
    session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, lanes: ['high'] })
    expect(socket.ofType('subscribed')[1]!.positions).toEqual({
      [TOPIC]: { high: ['0@e1/0-0.999999', '1@e1/0-0.999999'] },
    })
    arrive({ id: 'h', lane: 'high' }, { id: 'n' })
    session.unsubscribe(1)
    node.flush()
    expect(socket.parts().map(({ sub, events: got }) => [sub, got.map((event) => event.id)])).toEqual([[2, ['h']]])
    expect(socket.frames.map((frame) => frame.type)).toEqual(['subscribed', 'subscribed', 'unsubscribed', 'batch'])
    expect(node.totals[1]).toMatchObject({ queued: 0, queuedBytes: 0 })
  })
})

describe('progress', () => {
  it('D-PROGRESS-1 resolves what matched nothing, once', () => {
    const { node, socket, session } = open()
    session.unsubscribe(1)
    session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, keys: ['other'], lanes: ['low'] })
    node.append(1, [{ id: 'e' }])
    node.tail(1)
    session.progress()
    session.progress()
    const cursor = node.tails[1]!.cursor
    expect(socket.ofType('progress')).toEqual([
      { type: 'progress', sub: 2, positions: { [TOPIC]: { low: [`1@e1/${cursor}.999999`] } } },
    ])
  })

  it('D-PROGRESS-1 moves a lane from its last event to the end of that entry', () => {
    const { node, socket, session, arrive } = open()
    arrive({ id: 'n' }, { id: 'h', lane: 'high' })
    node.flush()
    session.progress()
    const end = `0@e1/${node.tails[0]!.cursor}.999999`
    expect(socket.ofType('progress')[0]!.positions[TOPIC]).toEqual({ high: [end], normal: [end], low: [end] })
  })

  it('D-PROGRESS-2 leaves a lane alone while an event or a gap of it waits', () => {
    const { node, socket, session, arrive } = open({ events: 2 })
    arrive({ id: 'n' })
    session.progress()
    const moved = socket.ofType('progress')[0]!.positions[TOPIC]!
    expect(Object.keys(moved)).toEqual(['high', 'low'])
    socket.dropping = true
    arrive(...events(3))
    node.flush()
    socket.dropping = false
    expect(socket.vector(TOPIC).normal![0]).toBe('0@e1/0-0.999999')
    node.settle(session, socket)
    expect(socket.gaps()).toHaveLength(1)
  })
})
