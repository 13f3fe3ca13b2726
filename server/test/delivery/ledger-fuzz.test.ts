import { CLOSE, LANES, type Lane, type OnSlow, type SubscribeOptions, type WithheldCounts } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Subscriber } from '../../src/delivery/subscriber.ts'
import { type LoggedEvent, laneOf, ModelNode, PARTITIONS, TOPIC } from './model-node.ts'
import { SimulatedSocket } from './support.ts'

type Step =
  | {
      readonly do: 'append'
      readonly partition: number
      readonly events: readonly (readonly [lane: number, key: number, size: number])[]
    }
  | { readonly do: 'tail'; readonly partition: number; readonly count: number }
  | { readonly do: 'flush' | 'readPage' | 'answerPage' | 'progress' | 'release' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'credit'; readonly share: number }
  | { readonly do: 'hold' | 'pause'; readonly on: boolean }
  | { readonly do: 'change'; readonly onSlow: OnSlow; readonly maxRate: number | undefined }
  | { readonly do: 'reconnect' }

const onSlow = fc.constantFrom<OnSlow>('conflate', 'sample', 'drop-oldest', 'disconnect')
const maxRate = fc.option(fc.constantFrom(1, 5, 50), { nil: undefined, freq: 2 })
const partition = fc.nat({ max: PARTITIONS - 1 })
const events = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 }), fc.nat({ max: 300 })), {
  minLength: 1,
  maxLength: 4,
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), partition, events }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('tail' as const), partition, count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'readPage' as const, 'answerPage' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('progress' as const, 'release' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('credit' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'pause' as const), on: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('change' as const), onSlow, maxRate }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
)

/** Small, but with room for what a ring may hold after a run: a session that goes live is offered it at once. */
const BOUNDS = { bytes: 25_000, events: 200 }

interface Options {
  readonly lanes: readonly Lane[]
  readonly keys: readonly string[] | undefined
}

/** A client of one subscription, over all its connections, that remembers what it was told and when. */
class FuzzedClient {
  readonly #node: ModelNode
  readonly #options: Options
  readonly #mode: 'credit' | 'buffered'
  readonly sockets: SimulatedSocket[] = []
  policy: { onSlow: OnSlow; maxRate: number | undefined }
  session!: Subscriber
  socket!: SimulatedSocket
  /** Whether it ever paused: then high events may be in a gap too. */
  hasPaused = false
  /** Node time at which each frame of the present socket was sent. */
  readonly times = new Map<object, number>()

  constructor(
    node: ModelNode,
    options: Options,
    policy: { onSlow: OnSlow; maxRate: number | undefined },
    mode: 'credit' | 'buffered',
  ) {
    this.#node = node
    this.#options = options
    this.#mode = mode
    this.policy = policy
    this.connect()
  }

  get subscribe(): SubscribeOptions {
    const { lanes, keys } = this.#options
    const { onSlow, maxRate } = this.policy
    return { lanes, onSlow, ...(keys && { keys }), ...(maxRate !== undefined && { maxRate }) }
  }

  connect(): void {
    const vector = this.sockets.length > 0 ? this.vector() : undefined
    this.session?.close()
    this.socket = new SimulatedSocket()
    this.sockets.push(this.socket)
    const { send } = this.socket
    this.socket.send = (frame) => {
      const result = send.call(this.socket, frame)
      this.times.set(this.socket.frames.at(-1)!, this.#node.now)
      return result
    }
    this.session = this.#node.openSubscriber(this.socket, { windowBytes: 1_500, mode: this.#mode }, BOUNDS)
    this.session.subscribe({
      type: 'subscribe',
      sub: 1,
      topic: TOPIC,
      ...this.subscribe,
      ...(vector && { from: { positions: { [TOPIC]: vector } } }),
    })
  }

  reconnectIfClosed(): void {
    const { closed } = this.socket
    if (closed === undefined) return
    expect([CLOSE.tooSlow, CLOSE.overload]).toContain(closed.code)
    this.connect()
  }

  pause(on: boolean): void {
    this.hasPaused ||= on
    this.session.credit(0, { 1: on ? 0 : null })
  }

  change(policy: { onSlow: OnSlow; maxRate: number | undefined }): void {
    this.policy = policy
    this.session.subscribe({ type: 'subscribe', sub: 1, topic: TOPIC, ...this.subscribe })
  }

  vector(): Partial<Record<Lane, string[]>> {
    const all = new SimulatedSocket()
    for (const { frames } of this.sockets) all.frames.push(...frames)
    return all.vector(TOPIC)
  }

  wanted(logged: readonly LoggedEvent[]): LoggedEvent[] {
    const { lanes, keys } = this.#options
    return logged.filter((event) => lanes.includes(event.lane) && (keys === undefined || keys.includes(event.key)))
  }

  ledgerHolds(): void {
    for (const { ledger } of this.session.subscriptions.values()) {
      const { matched, delivered, conflated, sampled, gapped, queued } = ledger
      expect(matched).toBe(delivered + conflated + sampled + gapped + queued)
      for (const count of Object.values(ledger)) expect(count).toBeGreaterThanOrEqual(0)
    }
  }
}

function perform(node: ModelNode, client: FuzzedClient, step: Step): void {
  const { session, socket } = client
  switch (step.do) {
    case 'append': {
      const first = node.logged.length
      const batch = step.events.map(([lane, key, size], i) => ({
        id: `e${first + i}`.padEnd(size, '.'),
        key: `k${key}`,
        lane: laneOf(lane),
      }))
      return node.append(step.partition, batch)
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
    case 'pass':
      node.now += step.ms
      return
    case 'credit':
      return session.credit(Math.floor(socket.bytes * step.share))
    case 'hold':
      socket.holding = step.on
      return
    case 'pause':
      return client.pause(step.on)
    case 'change':
      return client.change(step)
    case 'reconnect':
      return client.connect()
  }
}

/** Everything that a client was told, in the order in which it was. */
function told(client: FuzzedClient) {
  const frames = client.sockets.flatMap((socket) => socket.frames)
  let conflated = 0
  let sampled = 0
  let gapped = 0
  const count = (more: WithheldCounts) => {
    conflated += more.conflated ?? 0
    sampled += more.sampled ?? 0
  }
  const events: { at: string; key: string; lane: Lane; time: number }[] = []
  for (const frame of frames) {
    if (frame.type === 'gap') {
      if (!client.hasPaused) expect(frame.lane).not.toBe('high')
      expect(frame.reason).toBe('overflow')
      gapped += frame.count!
      count(frame)
    } else if (frame.type === 'progress') {
      for (const more of frame.counts ?? []) count(more)
    } else if (frame.type === 'batch') {
      for (const part of frame.parts) {
        count(part)
        if (part.lane === 'high') expect([part.conflated, part.sampled]).toEqual([undefined, undefined])
        const time = client.times.get(frame)!
        for (const { at, key } of part.events) events.push({ at, key, lane: part.lane, time })
      }
    }
  }
  return { conflated, sampled, gapped, events }
}

function expectOrder(node: ModelNode, events: readonly { at: string; lane: Lane }[]): void {
  const place = new Map(node.logged.map((event, i) => [event.at, i]))
  const last = new Map<string, number>()
  for (const { at, lane } of events) {
    const feed = `${lane} ${at.split('@')[0]}`
    expect(place.get(at)!).toBeGreaterThan(last.get(feed) ?? -1)
    last.set(feed, place.get(at)!)
  }
}

describe('ledger fuzz', () => {
  it('D-LEDGER-1 D-COUNT-1 D-ORDER-1 D-SLOW-6 D-BUDGET-1 D-PAUSE-2 every event has one fate, over policies, speeds, pauses, changes and resumes', () => {
    const client = fc.record({
      lanes: fc.constantFrom<readonly Lane[]>(LANES, ['normal', 'low'], ['low'], ['high', 'low']),
      keys: fc.option(fc.constantFrom(['k0'], ['k0', 'k2']), { nil: undefined, freq: 2 }),
      policy: fc.record({ onSlow, maxRate }),
      mode: fc.constantFrom('credit' as const, 'buffered' as const),
    })
    const clients = fc.array(client, { minLength: 1, maxLength: 3 })
    const steps = fc.array(fc.tuple(fc.nat({ max: 2 }), step), { maxLength: 150, size: 'max' })
    fc.assert(
      fc.property(clients, steps, fc.integer({ min: 30_000, max: 200_000 }), (specs, list, queueBytes) => {
        const node = new ModelNode(queueBytes)
        const all = specs.map(({ policy, mode, ...options }) => new FuzzedClient(node, options, policy, mode))
        for (const [which, s] of list) {
          const one = all[which % all.length]!
          perform(node, one, s)
          expect(node.budget.usedBytes).toBeLessThanOrEqual(queueBytes)
          for (const each of all) {
            each.reconnectIfClosed()
            each.ledgerHolds()
          }
        }
        for (const each of all) each.pause(false)
        // What the logs hold and no tail has read may be too much for one of them: it comes back until it has it all.
        for (let left = 9; left > 0; left--) {
          node.settleAll(all)
          for (const each of all) each.reconnectIfClosed()
        }
        for (const each of all) each.session.progress()
        node.settleAll(all)
        for (const each of all) {
          expect(each.socket.closed).toBeUndefined()
          each.ledgerHolds()
          const { conflated, sampled, gapped, events: got } = told(each)
          expectOrder(node, got)
          const wanted = each.wanted(node.logged)
          expect(got.length + conflated + sampled + gapped).toBe(wanted.length)
          const high = (list: readonly { at: string; lane: Lane }[]) =>
            list.filter(({ lane }) => lane === 'high').map(({ at }) => at)
          if (!each.hasPaused) expect(high(got).sort()).toEqual(high(wanted).sort())
        }
      }),
      { numRuns: 400 },
    )
  }, 60_000)
})
