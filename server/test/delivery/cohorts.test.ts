import type { ServerFrame } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Subscriber } from '../../src/delivery/subscriber.ts'
import { expectEveryFateTold } from './fates.ts'
import { laneOf, ModelNode, PARTITIONS, TOPIC } from './model-node.ts'
import { SimulatedSocket } from './support.ts'

const SESSIONS = 4
/** Small, so that cohorts get too full too. */
const BOUNDS = { bytes: 12_000, events: 60 }
/** Steps. */
const ASKED_EVERY = 7

type Step =
  | {
      readonly do: 'append'
      readonly partition: number
      readonly events: readonly (readonly [lane: number, key: number, size: number])[]
    }
  | { readonly do: 'tail'; readonly partition: number; readonly count: number }
  | { readonly do: 'flush' | 'outage' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'credit'; readonly who: number; readonly share: number }
  | { readonly do: 'hold' | 'drop' | 'pause'; readonly who: number; readonly on: boolean }
  | { readonly do: 'release' | 'leave' | 'return' | 'second' | 'change' | 'progress'; readonly who: number }

const partition = fc.nat({ max: PARTITIONS - 1 })
const who = fc.nat({ max: SESSIONS - 1 })
const on = fc.boolean()
const events = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 }), fc.nat({ max: 300 })), {
  minLength: 1,
  maxLength: 4,
})
const common: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), partition, events }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('tail' as const), partition, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('credit' as const),
      who,
      share: fc.double({ min: 0.5, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'drop' as const, 'pause' as const), who, on }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'release' as const,
        'leave' as const,
        'return' as const,
        'second' as const,
        'change' as const,
      ),
      who,
    }),
  },
)
/** Nothing that withholds events in favour of others. */
const disturbing: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: common.filter((step) => step.do !== 'change' && step.do !== 'second') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('progress' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('outage' as const) }) },
)
const steps = (step: fc.Arbitrary<Step>) => fc.array(step, { maxLength: 120, size: 'max' })

interface Client {
  socket: SimulatedSocket
  session: Subscriber
  readonly seen: ServerFrame[]
}

/** A node and clients that want the same. */
class Deployment {
  readonly node: ModelNode
  readonly clients: Client[]
  readonly #windowBytes: number
  #stored = 0

  constructor(hasCohorts: boolean, windowBytes: number) {
    this.#windowBytes = windowBytes
    this.node = new ModelNode(100_000_000, { queueBounds: BOUNDS, hasCohorts })
    this.clients = Array.from({ length: SESSIONS }, () => this.#connect())
  }

  #connect(seen: ServerFrame[] = [], vector?: ReturnType<SimulatedSocket['vector']>): Client {
    const socket = new SimulatedSocket()
    const session = this.node.openSubscriber(socket, { windowBytes: this.#windowBytes, mode: 'credit' }, BOUNDS)
    const from = vector && { from: { positions: { [TOPIC]: vector } } }
    session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, ...from })
    return { socket, session, seen }
  }

  perform(step: Step): void {
    const { node, clients } = this
    switch (step.do) {
      case 'append':
        return node.append(
          step.partition,
          step.events.map(([lane, key, size]) => ({
            id: `e${this.#stored++}`.padEnd(size, '.'),
            key: `k${key}`,
            lane: laneOf(lane),
          })),
        )
      case 'tail':
        return node.tail(step.partition, step.count)
      case 'flush':
        node.readPage()
        node.answerPage()
        return node.flush()
      case 'outage':
        node.isCatchingUp = !node.isCatchingUp
        return
      case 'pass':
        node.now += step.ms
        return
      case 'credit': {
        const { session, socket } = clients[step.who]!
        return session.credit(Math.floor(socket.bytes * step.share))
      }
      case 'hold':
        clients[step.who]!.socket.holding = step.on
        return
      case 'drop':
        clients[step.who]!.socket.dropping = step.on
        return
      case 'pause': {
        const { session, socket } = clients[step.who]!
        return session.credit(socket.bytes, { 1: step.on ? 0 : null })
      }
      case 'release':
        return clients[step.who]!.socket.release()
      case 'progress':
        return clients[step.who]!.session.progress()
      case 'second':
        return clients[step.who]!.session.subscribe({ type: 'subscribe', sub: 2, topic: TOPIC, lanes: ['high'] })
      case 'change':
        return clients[step.who]!.session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, onSlow: 'conflate' })
      case 'leave':
        return clients[step.who]!.session.unsubscribe(2)
      case 'return': {
        const before = clients[step.who]!
        before.session.close()
        before.socket.release()
        const seen = allFrames(before)
        clients[step.who] = this.#connect(seen, vectorOf(seen))
      }
    }
  }

  settle(): void {
    this.node.isCatchingUp = false
    for (const { session, socket } of this.open) session.credit(socket.bytes, { 1: null, 2: null })
    this.node.settleAll(this.open)
  }

  get open(): Client[] {
    return this.clients.filter(({ socket }) => socket.closed === undefined)
  }
}

function allFrames({ seen, socket }: Client): ServerFrame[] {
  return [...seen, ...socket.frames]
}

/** As above; the order of subscriptions within a lane of a frame is no promise. */
function comparable(client: Client): unknown[] {
  return allFrames(client).map((frame) =>
    frame.type === 'batch' ? { ...frame, parts: [...frame.parts].sort((a, b) => a.sub - b.sub) } : frame,
  )
}

function vectorOf(frames: readonly ServerFrame[]): ReturnType<SimulatedSocket['vector']> {
  const socket = new SimulatedSocket()
  socket.frames.push(...frames)
  return socket.vector(TOPIC)
}

const ledgersOf = ({ clients }: Deployment) => clients.map(({ session }) => [session.ledger(1), session.ledger(2)])
const loadsOf = ({ clients }: Deployment) =>
  clients.map(({ session: { queuedBytes, queuedEvents } }) => ({ queuedBytes, queuedEvents }))

describe('cohorts', () => {
  it('D-COHORT-1 D-COHORT-3 every session gets the same frames, and has the same counts at every instant, as by itself', () => {
    let shared = 0
    fc.assert(
      fc.property(steps(common), (list) => {
        const [together, apart] = [new Deployment(true, 1_000_000), new Deployment(false, 1_000_000)]
        for (const [n, step] of list.entries()) {
          for (const deployment of [together, apart]) deployment.perform(step)
          expect(together.node.counted()).toEqual(apart.node.counted())
          // A session that is asked has its counts brought up to date.
          if (n % ASKED_EVERY === 0) expect(ledgersOf(together)).toEqual(ledgersOf(apart))
          expect(loadsOf(together)).toEqual(loadsOf(apart))
          shared += together.clients.filter(({ session }) => session.standing.kind === 'member').length
        }
        for (const deployment of [together, apart]) deployment.settle()
        expect(together.clients.map(comparable)).toEqual(apart.clients.map(comparable))
        expect(ledgersOf(together)).toEqual(ledgersOf(apart))
      }),
      { numRuns: 100 },
    )
    expect(shared).toBeGreaterThan(1_000)
  })

  it('D-COHORT-5 an event waits once for all sessions of a cohort, and counts for each', () => {
    const perSession = [2, 50].map((count) => {
      const node = new ModelNode()
      const sessions = Array.from({ length: count }, () => {
        const session = node.openSubscriber(new SimulatedSocket())
        session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC })
        return session
      })
      node.append(0, [{ id: 'e0' }])
      node.tail(0)
      expect(sessions.map((session) => session.ledger(1)?.queued)).toEqual(sessions.map(() => 1))
      return node.budget.usedBytes
    })
    expect(perSession[1]).toBe(perSession[0])
  })

  it('D-COHORT-6 the last session that leaves in the midst of a frame takes what waits with it, once', () => {
    const deployment = new Deployment(true, 1_500)
    const { node, clients } = deployment
    const arrive = (count: number) => {
      const events = Array.from({ length: count }, (_, i) => ({ id: `${i}`.padEnd(200, '.') }))
      node.append(0, events)
      node.tail(0)
    }
    arrive(1)
    deployment.settle()
    arrive(1)
    expect(clients.map(({ session }) => session.standing.kind)).toEqual(clients.map(() => 'member'))
    // Nobody confirms anything: there is no room for the next frame, at any of them.
    for (let frames = 0; frames < 4; frames++) {
      node.flush()
      arrive(3)
    }
    expect(node.budget.usedBytes).toBeGreaterThan(0)
    deployment.settle()
    expect([node.budget.usedBytes, node.counted()[1].queued]).toEqual([0, 0])
  })

  it('D-COHORT-2 D-COHORT-4 the fate of every event is told once at every session, whatever its window, its pauses and the tail', () => {
    let shared = 0
    fc.assert(
      fc.property(steps(disturbing), fc.integer({ min: 1_500, max: 12_000 }), (list, windowBytes) => {
        const deployment = new Deployment(true, windowBytes)
        for (const step of list) {
          deployment.perform(step)
          shared += deployment.clients.filter(({ session }) => session.standing.kind === 'member').length
        }
        for (const { socket } of deployment.clients) socket.release()
        deployment.settle()
        for (const client of deployment.open) expectEveryFateTold(deployment.node, allFrames(client))
      }),
      { numRuns: 100 },
    )
    expect(shared).toBeGreaterThan(1_000)
  })
})
