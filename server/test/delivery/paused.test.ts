import { CLOSE, LANES, type Lane, type OnSlow } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { slowestSubscribers } from '../../src/delivery/slow-subscribers.ts'
import { laneOf, ModelNode, TOPIC } from './model-node.ts'
import { SimulatedSocket, type TestEvent } from './support.ts'

const BOUNDS = { bytes: 1_000_000, events: 100 }

/** A client that confirms everything at once, with two subscriptions to the same events: 1 is read, 2 may be paused. */
function open(onSlow: OnSlow = 'drop-oldest', bounds = BOUNDS) {
  const node = new ModelNode()
  const socket = new SimulatedSocket()
  const session = node.openSubscriber(socket, { windowBytes: 2_000, mode: 'credit' }, bounds)
  session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC })
  session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, onSlow })
  const read = () => {
    for (let ticks = 0; ticks < 30; ticks++) {
      session.credit(socket.bytes)
      node.flush()
    }
  }
  const arrive = (...batch: readonly TestEvent[]) => {
    node.append(0, batch)
    node.tail(0)
    read()
  }
  const pause = (sub = 2) => session.credit(socket.bytes, { [sub]: 0 })
  const resume = (sub = 2) => session.credit(socket.bytes, { [sub]: null })
  const ids = (sub: number) =>
    socket
      .parts()
      .filter((part) => part.sub === sub)
      .flatMap((part) => part.events.map(({ id }) => id))
  const ledgerOf = (sub: number) => session.ledger(sub)!
  return { node, socket, session, read, arrive, pause, resume, ids, ledgerOf }
}

const events = (from: number, to: number, over: Partial<TestEvent> = {}): TestEvent[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: `e${from + i}`, ...over }))

const names = (from: number, to: number) => events(from, to).map(({ id }) => id)

describe('paused subscriptions', () => {
  it('D-PAUSE-1 gets nothing while it is paused, its sibling everything; then it continues where it was', () => {
    const { socket, arrive, pause, resume, read, ids, ledgerOf } = open()
    arrive(...events(0, 10))
    pause()
    for (let i = 10; i < 50; i += 10) arrive(...events(i, i + 10))
    expect(ids(1)).toEqual(names(0, 50))
    expect(ids(2)).toEqual(names(0, 10))
    expect(ledgerOf(2)).toMatchObject({ matched: 50, delivered: 10, queued: 40 })
    resume()
    read()
    expect(ids(2)).toEqual(names(0, 50))
    expect(socket.gaps()).toEqual([])
  })

  it('D-PAUSE-1 a number that is no subscription is passed over, and one that ends while paused is gone', () => {
    const { session, arrive, pause, resume, node, ledgerOf } = open()
    pause(7)
    pause()
    arrive(...events(0, 20))
    session.unsubscribe(2)
    resume()
    arrive(...events(20, 25))
    expect(ledgerOf(1)).toMatchObject({ delivered: 25, queued: 0 })
    expect(node.totals[1]).toMatchObject({ queued: 0, queuedBytes: 0 })
    expect(node.budget.usedBytes).toBe(0)
  })

  it('D-PAUSE-1 nothing is done for it meanwhile: the node does not flush again and again', () => {
    const { session, arrive, pause, read } = open('conflate')
    session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, maxRate: 5 })
    pause()
    arrive(...events(0, 20))
    read()
    expect(session.flush()).toBe(false)
  })

  it('D-PAUSE-2 holds half of what its session may, and the rest is a gap: the sibling loses nothing', () => {
    const { node, socket, session, arrive, pause, resume, read, ids, ledgerOf } = open()
    pause()
    for (let i = 0; i < 400; i += 10) arrive(...events(i, i + 10))
    expect(ids(1)).toEqual(names(0, 400))
    expect(ledgerOf(1)).toMatchObject({ gapped: 0, delivered: 400 })
    expect(ledgerOf(2)).toMatchObject({ matched: 400, gapped: 350, queued: 50 })
    expect(slowestSubscribers([session], 1, node.now)[0]!.subscriptions).toMatchObject([
      { sub: 1, isPaused: false },
      { sub: 2, isPaused: true },
    ])
    expect(socket.gaps()).toEqual([])
    resume()
    read()
    expect(socket.gaps()).toMatchObject([{ sub: 2, count: 350, reason: 'overflow', fetchable: true }])
    expect(ids(2)).toEqual(names(350, 400))
  })

  it('D-PAUSE-2 high events beyond that are a gap too, instead of the end of the connection', () => {
    const { socket, arrive, pause, resume, read, ids, ledgerOf } = open()
    pause()
    for (let i = 0; i < 300; i += 10) arrive(...events(i, i + 10, { lane: 'high' }))
    expect(socket.closed).toBeUndefined()
    expect(ids(1)).toEqual(names(0, 300))
    expect(ledgerOf(2)).toMatchObject({ gapped: 250, queued: 50 })
    resume()
    read()
    expect(socket.gaps()).toMatchObject([{ sub: 2, lane: 'high', count: 250 }])
  })

  it('D-PAUSE-2 is slow as that of a congested session: conflate keeps the latest of each key', () => {
    const { arrive, pause, resume, read, ids, ledgerOf } = open('conflate', { bytes: 1_000_000, events: 1_000 })
    pause()
    for (let i = 0; i < 300; i += 10) arrive(...events(i, i + 10).map((each, k) => ({ ...each, key: `k${k % 5}` })))
    expect(ledgerOf(2).gapped).toBe(0)
    expect(ledgerOf(2).conflated).toBeGreaterThan(200)
    resume()
    read()
    expect(ids(2).slice(-5)).toEqual(names(295, 300))
    expect(ids(1)).toHaveLength(300)
  })

  it('D-PAUSE-2 disconnect closes the connection all the same', () => {
    const { socket, arrive, pause } = open('disconnect')
    pause()
    for (let i = 0; i < 100; i += 10) arrive(...events(i, i + 10))
    expect(socket.closed?.code).toBe(CLOSE.tooSlow)
  })

  it('D-PAUSE-3 its past waits in the log, and holds up no other replay', () => {
    const { node, socket, session, arrive, pause, resume, read, ids } = open()
    for (let i = 0; i < 60; i += 10) arrive(...events(i, i + 10))
    node.reopenTails()
    pause()
    for (const sub of [3, 4]) session.subscribe({ type: 'subscribe', sub, topic: TOPIC, from: 'earliest' })
    pause(3)
    const answer = () => {
      for (let pages = 0; pages < 40; pages++) {
        node.readPage()
        node.answerPage()
        read()
      }
    }
    answer()
    expect(ids(4)).toEqual(names(0, 60))
    expect(ids(3)).toEqual([])
    expect(session.ledger(3)).toMatchObject({ matched: 0 })
    for (let i = 60; i < 100; i += 10) arrive(...events(i, i + 10))
    resume(3)
    answer()
    expect(ids(3)).toEqual(names(0, 100))
    expect(socket.gaps()).toEqual([])
  })

  it('D-PAUSE-3 what waits for paused ones leaves the others their room for a replay', () => {
    const { node, session, arrive, pause, read, ids } = open()
    pause()
    for (let i = 0; i < 50; i += 10) arrive(...events(i, i + 10))
    node.reopenTails()
    session.subscribe({ type: 'subscribe', sub: 3, topic: TOPIC, from: 'earliest' })
    for (let pages = 0; pages < 40; pages++) {
      node.readPage()
      node.answerPage()
      read()
    }
    expect(ids(3)).toEqual(names(0, 50))
  })

  it('D-PAUSE-1 D-PAUSE-2 D-LEDGER-1 whatever is paused, resumed and published, every event of each has one fate', () => {
    const step = fc.oneof(
      fc.record({ lanes: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 8 }) }),
      fc.record({ sub: fc.integer({ min: 1, max: 3 }), events: fc.constantFrom(0 as const, null) }),
      fc.constant('read' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const { node, socket, session, read, resume, ids } = open('drop-oldest', { bytes: 100_000, events: 40 })
        session.subscribe({ type: 'subscribe', sub: 3, topic: TOPIC, from: 'earliest' })
        const paused = new Set<number>()
        for (const s of steps) {
          if (s === 'read') read()
          else if ('sub' in s) {
            session.credit(socket.bytes, { [s.sub]: s.events })
            if (s.events === 0) paused.add(s.sub)
          } else {
            const from = node.logged.length
            node.append(
              0,
              s.lanes.map((lane, i) => ({ id: `e${from + i}`, lane: laneOf(lane) })),
            )
            node.tail(0)
          }
          for (const { ledger } of session.subscriptions.values()) {
            expect(ledger.matched).toBe(ledger.delivered + ledger.gapped + ledger.queued)
          }
          expect(session.queuedEvents).toBeLessThanOrEqual(40)
          // High alone is more than a session that is read may have waiting.
          if (socket.closed !== undefined) return
        }
        for (const sub of [1, 2, 3]) resume(sub)
        node.settle(session, socket)
        for (const sub of [1, 2, 3]) {
          const gaps = socket.gaps().filter((gap) => gap.sub === sub)
          if (!paused.has(sub)) expect(gaps.filter(({ lane }) => lane === 'high')).toEqual([])
          const gapped = gaps.reduce((sum, { count }) => sum + count!, 0)
          expect(ids(sub)).toHaveLength(new Set(ids(sub)).size)
          expect(ids(sub).length + gapped).toBe(node.logged.length)
        }
        expectLaneOrder(node, socket)
      }),
      { numRuns: 120 },
    )
  })
})

function expectLaneOrder(node: ModelNode, socket: SimulatedSocket): void {
  const place = new Map(node.logged.map(({ id }, i) => [id, i]))
  for (const lane of LANES satisfies readonly Lane[]) {
    for (const sub of [1, 2, 3]) {
      const got = socket.parts().filter((part) => part.sub === sub && part.lane === lane)
      const places = got.flatMap((part) => part.events.map(({ id }) => place.get(id)!))
      expect(places).toEqual([...places].sort((a, b) => a - b))
    }
  }
}
