import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Subscriber } from '../../src/delivery/subscriber.ts'
import { expectEveryFateTold } from './fates.ts'
import { laneOf, ModelNode, PARTITIONS, TOPIC } from './model-node.ts'
import { SimulatedSocket } from './support.ts'

type Step =
  | { readonly do: 'append'; readonly partition: number; readonly lanes: readonly number[] }
  | { readonly do: 'tail'; readonly partition: number; readonly count: number }
  | { readonly do: 'flush' | 'readPage' | 'answerPage' | 'progress' | 'release' }
  | { readonly do: 'credit'; readonly share: number }
  | { readonly do: 'hold' | 'drop' | 'outage'; readonly on: boolean }

const partition = fc.nat({ max: PARTITIONS - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      partition,
      lanes: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('tail' as const), partition, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'readPage' as const, 'answerPage' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('progress' as const, 'release' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('credit' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('hold' as const, 'drop' as const, 'outage' as const),
      on: fc.boolean(),
    }),
  },
)
const steps = fc.array(step, { maxLength: 120, size: 'max' })

function perform(node: ModelNode, session: Subscriber, socket: SimulatedSocket, step: Step): void {
  switch (step.do) {
    case 'append': {
      const first = node.logged.length
      node.append(
        step.partition,
        step.lanes.map((lane, i) => ({ id: `e${first + i}`, key: `k${i % 2}`, lane: laneOf(lane) })),
      )
      return
    }
    case 'tail':
      return node.tail(step.partition, step.count)
    case 'flush':
      return node.flush()
    case 'readPage':
      return node.readPage()
    case 'answerPage':
      return node.answerPage()
    case 'progress':
      return session.progress()
    case 'release':
      return socket.release()
    case 'credit':
      return session.credit(Math.floor(socket.bytes * step.share))
    case 'hold':
      socket.holding = step.on
      return
    case 'outage':
      node.isCatchingUp = step.on
      node.now += 3_000
      return
    case 'drop':
      // A control frame that cannot be sent ends the session, which is another test's matter.
      socket.dropping = step.on && step.do === 'drop'
  }
}

function expectLedgerHolds(session: Subscriber): void {
  for (const { ledger } of session.subscriptions.values()) {
    expect(ledger.matched).toBe(ledger.delivered + ledger.gapped + ledger.queued)
  }
}

describe('delivery model', () => {
  it('D-LEDGER-1 D-GAP-1 D-ORDER-1 tells the fate of every event exactly once and in lane order, whatever the socket does', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom('credit' as const, 'buffered' as const), (list, mode) => {
        const node = new ModelNode()
        const socket = new SimulatedSocket()
        const session = node.openSubscriber(socket, { windowBytes: 900, mode }, { bytes: 100_000, events: 12 })
        session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, lanes: ['normal', 'low'] })
        for (const s of list) {
          perform(node, session, socket, s.do === 'append' ? { ...s, lanes: s.lanes.map((l) => 1 + (l % 2)) } : s)
          if (socket.closed !== undefined) return
          expectLedgerHolds(session)
        }
        node.settle(session, socket)
        expectLedgerHolds(session)
        expectEveryFateTold(node, socket.frames)
      }),
      { numRuns: 300 },
    )
  })

  it('D-RESUME-1 D-RESUME-6 loses and repeats nothing from replay to live, with frames no larger than the window', () => {
    fc.assert(
      fc.property(steps, steps, fc.nat({ max: 100 }), fc.nat({ max: 3 }), (past, list, window, entriesBehind) => {
        const node = new ModelNode()
        const socket = new SimulatedSocket()
        const windowBytes = 1_500 + window * 20
        const session = node.openSubscriber(socket, { windowBytes, mode: 'credit' }, { bytes: 1_000_000, events: 720 })
        for (const s of past) if (s.do === 'append') perform(node, session, socket, s)
        node.reopenTails(entriesBehind)
        session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, from: 'earliest' })
        for (const s of list) {
          if (s.do === 'hold' || s.do === 'drop') continue
          perform(node, session, socket, s)
          expectLedgerHolds(session)
        }
        node.settle(session, socket)
        expect(socket.gaps()).toEqual([])
        expectEveryFateTold(node, socket.frames)
      }),
      { numRuns: 300 },
    )
  })

  it('D-RESUME-2 a second session that starts from the first one’s vector gets exactly the rest, lane by lane', () => {
    fc.assert(
      fc.property(steps, steps, fc.nat({ max: 6 }), (before, after, entriesBehind) => {
        const node = new ModelNode()
        const first = new SimulatedSocket()
        const session = node.openSubscriber(first, { windowBytes: 400, mode: 'credit' })
        session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, from: 'earliest' })
        for (const s of before) {
          if (s.do === 'drop') continue
          perform(node, session, first, s)
        }
        const vector = first.vector(TOPIC)
        session.close()
        first.release()
        node.reopenTails(entriesBehind)

        const second = new SimulatedSocket()
        const resumed = node.openSubscriber(second, { windowBytes: 900, mode: 'credit' })
        resumed.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, from: { positions: { [TOPIC]: vector } } })
        for (const s of after) {
          if (s.do === 'hold' || s.do === 'drop') continue
          perform(node, resumed, second, s)
        }
        node.settle(resumed, second)
        const both = new SimulatedSocket()
        both.frames.push(...first.frames, ...second.frames)
        expectEveryFateTold(node, both.frames)
      }),
      { numRuns: 300 },
    )
  })
})
