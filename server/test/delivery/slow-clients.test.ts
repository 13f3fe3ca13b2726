import { CLOSE, type Lane, type OnSlow, type SubscribeOptions } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { slowestSubscribers } from '../../src/delivery/slow-subscribers.ts'
import { ModelNode, TOPIC } from './model-node.ts'
import { SimulatedSocket, type TestEvent } from './support.ts'

/** A session whose client has confirmed nothing of the first window: whatever comes now waits. */
function stalled(options: SubscribeOptions, bounds = { bytes: 1_000_000, events: 10_000 }) {
  const node = new ModelNode()
  const socket = new SimulatedSocket()
  const session = node.openSubscriber(socket, { windowBytes: 2_000, mode: 'credit' }, bounds)
  const subscribe = (changed: SubscribeOptions, sub = 1) =>
    session.subscribe({ type: 'subscribe', sub, topic: TOPIC, ...changed })
  subscribe(options)
  session.sendControl({ type: 'result', id: 0, data: 'x'.repeat(2_000) })
  const arrive = (...batch: readonly TestEvent[]) => {
    node.append(0, batch)
    node.tail(0)
  }
  /** The client takes everything there is, in windows of its own. */
  const read = () => node.settle(session, socket)
  const { ledger } = session.subscriptions.get(1)!
  return { node, socket, session, subscribe, ledger, arrive, read }
}

const values = (count: number, keys: number, lane: Lane = 'normal', from = 0): TestEvent[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${lane}-${from + i}`, key: `k${(from + i) % keys}`, lane }))

const counts = (socket: SimulatedSocket, what: 'conflated' | 'sampled') =>
  [
    ...socket.parts(),
    ...socket.ofType('gap'),
    ...socket.ofType('progress').flatMap((frame) => frame.counts ?? []),
  ].reduce((sum, told) => sum + (told[what] ?? 0), 0)

describe('conflate', () => {
  it('D-SLOW-2 D-COUNT-1 sends the latest of each key in log order and counts the others', () => {
    const { socket, ledger, arrive, read } = stalled({ onSlow: 'conflate' })
    for (let i = 0; i < 20; i++) arrive(...values(10, 5, 'normal', i * 10))
    expect(ledger.conflated).toBeGreaterThan(100)
    read()
    expect(socket.ids()).toEqual(['normal-195', 'normal-196', 'normal-197', 'normal-198', 'normal-199'])
    expect(counts(socket, 'conflated')).toBe(195)
    expect(ledger).toEqual({ matched: 200, delivered: 5, conflated: 195, sampled: 0, gapped: 0, queued: 0 })
  })

  it('D-SLOW-1 leaves a client alone that keeps up, and one that is behind by little', () => {
    const { node, socket, session, ledger, arrive, read } = stalled({ onSlow: 'conflate' })
    arrive(...values(5, 1))
    read()
    expect(ledger).toMatchObject({ delivered: 5, conflated: 0 })
    for (let i = 0; i < 50; i++) {
      arrive(...values(10, 1, 'normal', 5 + i * 10))
      node.flush()
      session.credit(socket.bytes)
      node.flush()
    }
    expect(ledger.conflated).toBe(0)
  })

  it('D-SLOW-1 goes on conflating for a second after the client has caught up, and then sends everything again', () => {
    const { node, ledger, arrive, read } = stalled({ onSlow: 'conflate' })
    arrive(...values(200, 2))
    read()
    const { conflated } = ledger
    arrive(...values(3, 1))
    read()
    expect(ledger.conflated).toBe(conflated + 2)
    node.now += 1_000
    arrive(...values(3, 1))
    read()
    expect(ledger.conflated).toBe(conflated + 2)
  })

  it('D-SLOW-3 a key that changes all the time is sent too', () => {
    const { node, socket, session, arrive } = stalled({ onSlow: 'conflate' })
    const hot = new Set<string>()
    for (let round = 0; round < 400; round++) {
      arrive(...values(30, 30, 'normal', round * 30).map((event) => ({ ...event, id: event.id.padEnd(40, '.') })), {
        id: `hot-${round}`,
        key: 'hot',
      })
      // Takes about ten events a round, and 31 keys change.
      if (round % 4 === 0) session.credit(socket.bytes)
      node.flush()
    }
    for (const event of socket.events()) if (event.key === 'hot') hot.add(event.id)
    expect(socket.events().length).toBeLessThan(4_000)
    expect(hot.size).toBeGreaterThan(20)
  })

  it('D-QUEUE-1 falls back on gaps when even the latest of each key is too much', () => {
    const { node, socket, ledger, arrive, read } = stalled({ onSlow: 'conflate' }, { bytes: 1_000_000, events: 100 })
    for (let i = 0; i < 10; i++) arrive(...values(30, 1_000, 'low', i * 30))
    expect(ledger.gapped).toBeGreaterThan(150)
    read()
    expect(socket.gaps().reduce((sum, gap) => sum + gap.count!, 0)).toBe(ledger.gapped)
    expect(socket.ids().at(-1)).toBe('low-299')
    expect(node.totals[2]).toMatchObject({ queued: 0, queuedBytes: 0, gapped: ledger.gapped })
  })
})

describe('sample', () => {
  it('D-COUNT-1 counts what was sampled last in a lane when a change excludes the lane', () => {
    const { socket, subscribe, ledger, arrive, read } = stalled({ onSlow: 'sample' })
    for (let i = 0; i < 40; i++) arrive(...values(10, 5, 'normal', i * 10))
    read()
    expect(counts(socket, 'sampled')).toBeLessThan(ledger.sampled)
    subscribe({ onSlow: 'sample', lanes: ['high'] })
    expect(counts(socket, 'sampled')).toBe(ledger.sampled)
  })

  it('D-SLOW-4 D-COUNT-1 sends fewer the more waits, evenly, and counts the others', () => {
    const { socket, session, ledger, arrive, read } = stalled({ onSlow: 'sample' })
    for (let i = 0; i < 100; i++) arrive(...values(40, 1_000, 'low', i * 40))
    read()
    session.progress()
    const sent = socket.ids().map((id) => Number(id.split('-')[1]))
    expect(sent.length).toBeGreaterThan(20)
    expect(sent.length).toBeLessThan(400)
    const quarters = [0, 1, 2, 3].map((quarter) => sent.filter((n) => Math.floor(n / 1_000) === quarter).length)
    for (const quarter of quarters.slice(0, 3)) expect(quarter).toBeGreaterThan(sent.length / 12)
    expect(ledger).toMatchObject({ matched: 4_000, delivered: sent.length, gapped: 0, queued: 0 })
    expect(counts(socket, 'sampled') + sent.length).toBe(4_000)
  })

  it('D-COUNT-1 tells what nothing followed that could have told it', () => {
    const { socket, session, ledger, arrive, read } = stalled({ onSlow: 'sample' })
    for (let i = 0; i < 100; i++) arrive(...values(40, 1_000, 'low', i * 40))
    read()
    session.progress()
    expect(counts(socket, 'sampled')).toBe(ledger.sampled)
    session.progress()
    expect(counts(socket, 'sampled')).toBe(ledger.sampled)
  })
})

describe('other policies', () => {
  it('D-SLOW-5 disconnect closes the session when it exceeds its bounds', () => {
    const { socket, arrive } = stalled({ onSlow: 'disconnect' }, { bytes: 1_000_000, events: 50 })
    arrive(...values(50, 1))
    expect(socket.closed).toBeUndefined()
    arrive(...values(1, 1))
    expect(socket.closed?.code).toBe(CLOSE.tooSlow)
  })

  it.each<OnSlow>(['conflate', 'sample', 'drop-oldest', 'disconnect'])('D-SLOW-6 %s never withholds high', (onSlow) => {
    const { socket, ledger, arrive, read } = stalled({ onSlow, maxRate: 1 })
    for (let i = 0; i < 20; i++) arrive(...values(10, 1, 'high', i * 10))
    read()
    expect(socket.ids()).toHaveLength(200)
    expect(ledger).toMatchObject({ delivered: 200, conflated: 0, sampled: 0, gapped: 0 })
  })

  it('D-QUEUE-3 a subscription with little to send is not behind another one’s surplus', () => {
    const { node, socket, session, subscribe, arrive } = stalled({})
    subscribe({ keys: ['rare'] }, 2)
    arrive(...values(200, 1), { id: 'rare', key: 'rare' })
    session.credit(socket.bytes)
    node.flush()
    expect(socket.parts().some((part) => part.sub === 2)).toBe(true)
    expect(socket.parts().filter((part) => part.sub === 1).length).toBeGreaterThan(0)
    expect(session.subscriptions.get(1)!.ledger.queued).toBeGreaterThan(0)
  })
})

describe('maxRate', () => {
  it('D-RATE-1 sends the latest of each key once per interval, the first at once', () => {
    const node = new ModelNode()
    const socket = new SimulatedSocket()
    const session = node.openSubscriber(socket)
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, maxRate: 5 })
    const sent: [number, string][] = []
    for (let ms = 0; ms < 2_000; ms += 10) {
      node.now = 5_000 + ms
      node.append(0, [{ id: `a${ms}`, key: 'a' }, ...(ms % 50 === 0 ? [{ id: `b${ms}`, key: 'b' }] : [])])
      node.tail(0)
      const before = socket.ids().length
      node.flush()
      for (const id of socket.ids().slice(before)) sent.push([ms, id])
    }
    expect(sent.filter(([, id]) => id.startsWith('a')).map(([ms]) => ms)).toEqual(
      Array.from({ length: 10 }, (_, i) => i * 200),
    )
    expect(sent).toContainEqual([200, 'a200'])
    expect(sent).toContainEqual([200, 'b200'])
    const { ledger } = session.subscriptions.get(1)!
    expect(ledger.delivered).toBe(20)
    expect(ledger.conflated + ledger.queued).toBe(220)
  })

  it('D-RATE-1 D-SUB-5 is changed live, and taken off', () => {
    const { node, socket, ledger, subscribe, arrive, read } = stalled({ maxRate: 0.01 })
    read()
    arrive({ id: 'first', key: 'a' })
    read()
    arrive({ id: 'second', key: 'a' }, { id: 'third', key: 'a' })
    node.flush()
    expect(socket.ids()).toEqual(['first'])
    subscribe({ maxRate: 1 })
    read()
    expect(socket.ids()).toEqual(['first', 'third'])
    subscribe({})
    arrive({ id: '4', key: 'a' }, { id: '5', key: 'a' })
    read()
    expect(socket.ids()).toEqual(['first', 'third', '4', '5'])
    expect(ledger.conflated).toBe(1)
    expect(socket.ofType('subscribed').map(({ maxRate }) => maxRate)).toEqual([0.01, 1, undefined])
  })
})

describe('changing a subscription', () => {
  it('D-SUB-5 goes on where it is with other keys, lanes and filters', () => {
    const { socket, subscribe, arrive, read } = stalled({ lanes: ['high', 'normal'] })
    read()
    arrive({ id: 'n1', key: 'a' }, { id: 'l1', key: 'a', lane: 'low' })
    subscribe({ keys: ['b'], lanes: ['normal', 'low'] })
    arrive(
      { id: 'n2', key: 'a' },
      { id: 'n3', key: 'b' },
      { id: 'l2', key: 'b', lane: 'low' },
      { id: 'h1', key: 'b', lane: 'high' },
    )
    read()
    expect(socket.ids()).toEqual(['n1', 'n3', 'l2'])
    expect(socket.ofType('subscribed').at(-1)!.positions[TOPIC]).toMatchObject({
      low: ['0@e1/1000000-0.999999', '1@e1/0-0.999999'],
    })
  })

  it('D-SUB-5 refuses another topic and a start, and changes nothing then', () => {
    const { socket, session, subscribe } = stalled({ onSlow: 'sample' })
    subscribe({ from: 'earliest' })
    session.subscribe({ type: 'subscribe', sub: 1, topic: 'a.*' })
    subscribe({ where: 'data.' })
    expect(socket.ofType('error').map(({ code }) => code)).toEqual(['unsupported', 'unsupported', 'invalid_filter'])
    expect(session.subscriptions.get(1)!.plan.policy.onSlow).toBe('sample')
  })

  it('D-SUB-5 forgets what waits in a lane that is left out, and the ledger with it', () => {
    const { node, ledger, subscribe, arrive, read } = stalled({})
    arrive({ id: 'n' }, { id: 'l', lane: 'low' })
    subscribe({ lanes: ['normal'] })
    read()
    expect(ledger).toEqual({ matched: 1, delivered: 1, conflated: 0, sampled: 0, gapped: 0, queued: 0 })
    expect(node.totals[2]).toMatchObject({ queued: 0, queuedBytes: 0 })
    expect(node.budget.usedBytes).toBe(0)
  })
})

describe('slow sessions', () => {
  it('D-SEEN-1 are listed with what holds them up, the largest first', () => {
    const { node, session, arrive } = stalled({ onSlow: 'conflate' })
    const other = new SimulatedSocket()
    const quick = node.openSubscriber(other)
    quick.subscribe({ type: 'subscribe', sub: 7, topic: TOPIC, keys: ['k1'] })
    arrive(...values(200, 4))
    arrive(...values(200, 4, 'normal', 200))
    node.flush()
    other.holding = true
    other.buffered = 10
    node.now += 300
    expect(slowestSubscribers(node.sessions, 1, node.now)).toEqual([
      {
        session: session.name,
        state: 'congested',
        reason: 'credit',
        congestedMs: 300,
        inFlightBytes: expect.any(Number),
        queuedBytes: session.queuedBytes,
        queuedEvents: session.queuedEvents,
        subscriptions: [
          expect.objectContaining({ sub: 1, topic: TOPIC, onSlow: 'conflate', level: 1, matched: 400, delivered: 0 }),
        ],
      },
    ])
    arrive({ id: 'late', key: 'k1' })
    expect(
      slowestSubscribers(node.sessions, 9, node.now).map((slow) => [slow.session, slow.state, slow.reason]),
    ).toEqual([
      [session.name, 'congested', 'credit'],
      [quick.name, 'open', null],
    ])
  })
})

describe('budget', () => {
  it('D-BUDGET-1 counts an entry once, in full, and every run', () => {
    const node = new ModelNode()
    for (let i = 0; i < 3; i++) {
      const session = node.openSubscriber(new SimulatedSocket())
      session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, keys: ['k0'] })
    }
    node.append(0, values(100, 10))
    node.tail(0)
    const whole = 100 * '{"at":"0@e1/1000000-0.00","id":"normal-00","key":"k0","time":1,"data":{}},'.length
    expect(node.budget.usedBytes).toBeGreaterThan(whole * 0.9 + 3 * 100)
    expect(node.budget.usedBytes).toBeLessThan(whole * 1.1 + 3 * 500)
    for (const session of node.sessions) session.close()
    expect(node.budget.usedBytes).toBe(0)
  })

  it('D-BUDGET-2 takes from the largest until it is enough, and leaves the others alone', () => {
    const node = new ModelNode(300_000)
    const open = (keys: readonly string[] | undefined) => {
      const socket = new SimulatedSocket()
      socket.holding = true
      socket.buffered = 1_000_000
      const session = node.openSubscriber(socket)
      session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, ...(keys && { keys }) })
      return { socket, session, ledger: session.subscriptions.get(1)!.ledger }
    }
    const small = open(['k1'])
    const large = [open(undefined), open(undefined)]
    for (let i = 0; i < 100; i++) {
      node.append(0, values(100, 100, 'low', i * 100))
      node.tail(0)
      expect(node.budget.usedBytes).toBeLessThanOrEqual(300_000)
    }
    expect(small.ledger).toMatchObject({ matched: 100, queued: 100, gapped: 0 })
    for (const { ledger } of large) expect(ledger.gapped).toBeGreaterThan(1_000)
  })

  it('D-BUDGET-2 closes the largest where only high is left', () => {
    const node = new ModelNode(50_000)
    const sockets = [1, 2, 3].map(() => {
      const socket = new SimulatedSocket()
      socket.holding = true
      socket.buffered = 1_000_000
      node.openSubscriber(socket).subscribe({ type: 'subscribe', sub: 1, topic: TOPIC })
      return socket
    })
    for (let i = 0; i < 20; i++) {
      node.append(0, values(50, 10, 'high', i * 50))
      node.tail(0)
      expect(node.budget.usedBytes).toBeLessThanOrEqual(50_000)
    }
    expect(sockets.map((socket) => socket.closed?.code)).toEqual(sockets.map(() => CLOSE.overload))
  })
})
