import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AskingSubscription } from '../src/subscriptions/asking-subscription.ts'
import type { AnyEvent } from '../src/subscriptions/inbox.ts'
import { sharingOf } from '../src/subscriptions/subscribe-options.ts'
import { ModelSubscriptions, PARTITIONS } from './support/model-subscriptions.ts'
import { TOPIC } from './support/subscription-frames.ts'

const KEYS = ['a', 'b', 'c']
type Consumer = 'callback' | 'slow callback' | 'iterator'

interface Options {
  readonly keys?: readonly string[]
  readonly snapshot?: true
  readonly maxRate?: number
}

/** One of the application's, with everything that it was told. */
class Reader {
  readonly options: Options
  readonly subscription: AskingSubscription
  /** How long the logs were when it was granted. */
  readyAt: readonly number[] = []
  readonly got: AnyEvent[] = []
  readonly gaps: { partition: number; after: number; upTo: number; count: number }[] = []
  readonly snapshots: string[] = []
  maxRate: number | undefined
  isClosed = false
  #finish: (() => void) | undefined
  readonly #events: AsyncIterator<AnyEvent> | undefined
  #isTaking = false

  constructor(world: ModelSubscriptions, options: Options, consumer: Consumer) {
    this.options = options
    const callback =
      consumer === 'callback'
        ? (event: AnyEvent) => void this.got.push(event)
        : (event: AnyEvent) => {
            this.got.push(event)
            return new Promise<void>((resolve) => {
              this.#finish = resolve
            })
          }
    this.subscription = world.open(options, consumer === 'iterator' ? undefined : callback)
    this.subscription.ready.then(
      () => {
        this.readyAt = world.logs.map((log) => log.length)
      },
      () => {},
    )
    this.subscription.onSnapshot((moment) => this.snapshots.push(moment))
    this.subscription.onGap(({ after, upTo, count }) => {
      const [partition, n] = placeOf(upTo)
      this.gaps.push({ partition, after: placeOf(after!)[1], upTo: n, count: count! })
    })
    if (consumer === 'iterator') this.#events = this.subscription[Symbol.asyncIterator]()
  }

  /** Finishes with an event, or takes the next one. */
  read(): void {
    this.#finish?.()
    this.#finish = undefined
    if (this.#events === undefined || this.#isTaking) return
    this.#isTaking = true
    void this.#events.next().then(({ value }) => {
      this.#isTaking = false
      if (value) this.got.push(value)
    })
  }
}

function placeOf(position: string): readonly [partition: number, n: number] {
  const [, partition, n] = /^(\d+)@e\/(\d+)-/.exec(position)!
  return [Number(partition), Number(n)]
}

/** Everything that matches from its start on was delivered once and in order, or is in a gap that counts it. */
function expectEveryFate({ logs }: ModelSubscriptions, { options, readyAt, got, gaps }: Reader): void {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const deltas = got.filter((event) => !event.snapshot && placeOf(event.at)[0] === partition)
    const delivered = deltas.map((event) => placeOf(event.at)[1])
    expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b))
    const mine = gaps.filter((gap) => gap.partition === partition)
    const matched = logs[partition]!.map((key, i) => [key, i + 1] as const)
      .filter(([key]) => options.keys?.includes(key) ?? true)
      .map(([, n]) => n)
    const withheld = mine.flatMap(({ after, upTo, count }) => {
      const inside = matched.filter((n) => n > after && n <= upTo)
      expect(inside).toHaveLength(count)
      return inside
    })
    const told = [...delivered, ...withheld].sort((a, b) => a - b)
    const start = Math.min(told[0] ?? Number.POSITIVE_INFINITY, readyAt[partition]! + 1)
    const isWhole = matched.filter((n) => n >= start)
    // A snapshot stands for everything before it, however late it was taken.
    if (options.snapshot) expect(told).toEqual(matched.filter((n) => n >= (told[0] ?? Number.POSITIVE_INFINITY)))
    else expect(told).toEqual(isWhole)
  }
}

/** What a late reader knows of every key is what the log says. */
function expectState({ logs }: ModelSubscriptions, { options, got, gaps, snapshots }: Reader): void {
  expect([snapshots[0], snapshots.at(-1)]).toEqual(['begins', 'complete'])
  if (gaps.length > 0) return
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const key of options.keys ?? KEYS) {
      const seen = got.filter((event) => event.key === key && placeOf(event.at)[0] === partition)
      const places = seen.filter((event) => !event.snapshot).map((event) => placeOf(event.at)[1])
      expect(places).toEqual([...places].sort((a, b) => a - b))
      const last = logs[partition]!.lastIndexOf(key) + 1
      expect(seen.length === 0 ? 0 : placeOf(seen.at(-1)!.at)[1]).toBe(last)
    }
  }
}

const options = fc.record(
  { keys: fc.constant(['a', 'b']), snapshot: fc.constant(true as const), maxRate: fc.constant(1) },
  { requiredKeys: [] },
)
const consumer = fc.constantFrom<Consumer>('callback', 'slow callback', 'iterator')
const which = fc.nat({ max: 9 })
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), options, consumer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'change' as const), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      partition: fc.nat({ max: PARTITIONS - 1 }),
      key: fc.constantFrom(...KEYS),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver' as const), limit: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('withhold' as const), which, count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('handle' as const, 'progress' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
)

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('C-SHARE-1 C-SHARE-2 C-SHARE-3 C-SHARE-5 C-PAUSE-1 C-AWAIT-1 whatever is opened, changed, read late and cut, everybody has everything, and equal ones are one in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 90, size: 'max' }), async (steps) => {
      const world = new ModelSubscriptions()
      const readers: Reader[] = []
      world.reconnect()
      for (const s of steps) {
        const open = readers.filter(({ isClosed }) => !isClosed)
        const one = 'which' in s ? open[s.which % open.length] : undefined
        if (s.do === 'open') readers.push(new Reader(world, s.options, s.consumer))
        else if (s.do === 'publish') world.publish(s.partition, s.key)
        else if (s.do === 'deliver') world.deliver(s.limit)
        else if (s.do === 'withhold') world.withhold(s.which, s.which % PARTITIONS, s.count)
        else if (s.do === 'handle') world.handle()
        else if (s.do === 'progress') world.progress()
        else if (s.do === 'reconnect') world.reconnect()
        else if (s.do === 'read') one?.read()
        else if (s.do === 'close' && one !== undefined) {
          one.isClosed = true
          one.subscription.close()
        } else if (one !== undefined) {
          one.maxRate = one.maxRate === 2 ? 3 : 2
          one.subscription.change({ maxRate: one.maxRate }).catch(() => {})
        }
        await turn()
      }
      const left = readers.filter(({ isClosed }) => !isClosed)
      for (let rounds = 0; rounds < 40; rounds++) {
        world.handle()
        world.deliver(1_000)
        for (const reader of left) for (let i = 0; i < 4; i++) reader.read()
        world.progress()
        await turn()
      }
      for (const reader of left) {
        await reader.subscription.synced
        expectEveryFate(world, reader)
        if (reader.options.snapshot) expectState(world, reader)
        const { matched, delivered, gapped, conflated } = await reader.subscription.ledger()
        expect([matched, conflated]).toEqual([delivered + gapped, 0])
        expect(Math.min(delivered, gapped)).toBeGreaterThanOrEqual(0)
      }
      expect(world.consumedBytes).toBe(world.sentBytes)
      const kinds = left.map(({ options, maxRate }) =>
        sharingOf(TOPIC, { ...options, ...(maxRate !== undefined && { maxRate }) }),
      )
      expect(world.server.size).toBe(new Set(kinds).size)
    }),
    { numRuns: 150 },
  )
}, 60_000)
