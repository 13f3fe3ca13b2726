import { afterEach, describe, expect, it } from 'vitest'
import { type Bus, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { PresenceTopic } from '../../src/config/contract/model.ts'
import { createRandom } from '../../src/demo/random.ts'
import {
  MORE_KEY,
  PresenceBook,
  PresenceFold,
  PresenceReporter,
  type PresenceSeat,
  type PublishedPresence,
} from '../../src/presence/index.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 2
const TOPIC = 'room.presence'
const SUBJECTS = ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay']
const SEEDS = 10
const STEPS = 60

const { server, redis } = await useRedis({ partitions: PARTITIONS })
const opened = useBus(server, PARTITIONS)

interface Connection {
  readonly subject: string
  readonly seat: PresenceSeat
}

type Call = Parameters<ReturnType<Bus['presence']>['report']>[0]

/** Gateways, owners and what happens to them, with the reports in Redis. Nothing waits for time. */
class World {
  readonly #maxEntries: number
  readonly #sent: { readonly partition: number; readonly call: Call }[] = []
  #started = 0
  #now = 0
  gateways: {
    readonly id: string
    readonly reporter: PresenceReporter
    readonly book: PresenceBook
    connections: Connection[]
  }[] = []
  /** By partition. */
  readonly stored = Array.from({ length: PARTITIONS }, () => new Map([[TOPIC, new Map<string, PublishedPresence>()]]))
  #owners: PresenceFold[] = []
  readonly #last = new Map<string, string>()
  #backup: (() => Promise<void>) | undefined

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
    for (let partition = 0; partition < PARTITIONS; partition++) this.replaceOwner(partition)
    this.startGateway()
    this.startGateway()
  }

  startGateway(): void {
    const id = `g${this.#started++}`
    const topic: PresenceTopic = {
      ...({ kind: 'presence', name: TOPIC, of: 'room', retentionMs: 1, lane: 'normal' } as const),
      maxEntries: this.#maxEntries,
    }
    const book: PresenceBook = new PresenceBook(
      id,
      [topic],
      () => this.#now,
      (name, key) => reporter.changed(name, key),
    )
    const storeOf = (partition: number) => ({
      report: (call: Call) => {
        this.#sent.push({ partition, call })
        return opened.bus.presence(partition, 'query').report(call)
      },
    })
    const clock = { monotonic: () => this.#now }
    const report = (where: string, error: unknown): string => {
      throw new Error(where, { cause: error })
    }
    const reporter = new PresenceReporter({ gateway: id, partitions: PARTITIONS, storeOf, clock, report }, book)
    this.gateways.push({ id, reporter, book, connections: [] })
  }

  join(at: number, subject: string, state?: string): void {
    const { book, connections } = this.gateways[at]!
    const seat = book.open({ identity: { kind: 'key', id: '', name: '', grants: [] }, subject })
    seat.subscribed(1, ['room', 'another'], state)
    connections.push({ subject, seat })
  }

  leave(at: number, which: number): void {
    const { connections } = this.gateways[at]!
    const [connection] = connections.splice(which, 1)
    connection?.seat.unsubscribed(1)
  }

  async report(at: number): Promise<void> {
    this.#now += 600
    await this.gateways[at]!.reporter.tick()
  }

  /** No heartbeat of it counts any more. */
  age(at: number): Promise<void> {
    return this.#setBeat(this.gateways[at]!.id, 1)
  }

  async kill(at: number): Promise<void> {
    await this.age(at)
    this.gateways.splice(at, 1)
    this.startGateway()
  }

  async close(at: number): Promise<void> {
    const { reporter, connections } = this.gateways[at]!
    for (const { seat } of connections) seat.unsubscribed(1)
    await reporter.close()
    await this.age(at)
    this.gateways.splice(at, 1)
    this.startGateway()
  }

  /** An old report arrives once more, behind later ones. */
  async overtake(nth: number): Promise<void> {
    const { partition, call } = this.#sent[nth % Math.max(1, this.#sent.length)] ?? {}
    // Where nothing is stored it would be gone with its heartbeat.
    if (call === undefined || (await redis.hexists(keys.presence(partition!), call.gateway)) === 0) return
    await opened.bus.presence(partition!, 'query').report(call)
  }

  async backUp(): Promise<void> {
    const names = await redis.keys('*:presence*')
    const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)))
    this.#backup = async () => {
      const present = await redis.keys('*:presence*')
      if (present.length > 0) await redis.del(present)
      for (const [i, name] of names.entries()) await redis.restore(name, 0, dumps[i]!)
    }
  }

  async loseNewest(): Promise<void> {
    await this.#backup?.()
    for (let at = 0; at < this.#started; at++) await this.#setBeat(`g${at}`, this.#isAlive(`g${at}`) ? Date.now() : 1)
  }

  #isAlive(id: string): boolean {
    return this.gateways.some((gateway) => gateway.id === id)
  }

  async #setBeat(id: string, beat: number): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const value = await redis.hget(keys.presence(partition), id)
      if (value !== null) await redis.hset(keys.presence(partition), id, `${value.split(' ')[0]} ${beat}`)
    }
  }

  /** Another owner goes on from what is stored. */
  replaceOwner(partition: number): void {
    const published = new Map([...this.stored[partition]!].map(([topic, entries]) => [topic, new Map(entries)]))
    this.#owners[partition] = new PresenceFold(published)
  }

  /** @returns how many events were published */
  async look(partition: number, mayLeave: boolean): Promise<number> {
    const owner = this.#owners[partition]!
    owner.look(await opened.bus.presence(partition, 'commit').look(owner.known))
    const changes = owner.takeChanges(this.#now, mayLeave, 5)
    const entries = this.stored[partition]!.get(TOPIC)!
    for (const { topic, key, data, time, hasLeft } of changes) {
      expect([topic, partitionOf(key, PARTITIONS)]).toEqual([TOPIC, partition])
      const said = JSON.parse(data) as { connections: number; joinedAt: number; state?: unknown }
      expect(said.connections > 0).toBe(!hasLeft)
      // None repeats the one before it, and whoever leaves was there.
      const { joinedAt: _, ...rest } = said
      expect(JSON.stringify(rest)).not.toBe(this.#last.get(key) ?? '{"connections":0}')
      this.#last.set(key, JSON.stringify(rest))
      if (hasLeft) entries.delete(key)
      else {
        const { state, ...numbers } = said
        entries.set(key, { ...numbers, time, ...(state !== undefined && { state: JSON.stringify(state) }) })
      }
    }
    return changes.length
  }

  async settle(): Promise<void> {
    for (let n = 0; n < this.#started; n++) await this.#setBeat(`g${n}`, 1)
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < this.gateways.length; at++) await this.report(at)
    }
    for (let partition = 0; partition < PARTITIONS; partition++) while ((await this.look(partition, true)) > 0);
  }

  published(): Record<string, number> {
    const all = this.stored.flatMap((topics) => [...topics.get(TOPIC)!])
    return Object.fromEntries(all.map(([key, { connections }]) => [key, connections]).sort())
  }

  live(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { connections } of this.gateways) {
      for (const { subject } of connections) counts[subject] = (counts[subject] ?? 0) + 1
    }
    return Object.fromEntries(Object.entries(counts).sort())
  }
}

/** Does something by chance. */
async function step(world: World, pick: (below: number) => number): Promise<void> {
  const at = pick(world.gateways.length)
  const partition = pick(PARTITIONS)
  switch (pick(14)) {
    case 0:
    case 1:
    case 2:
      return world.join(at, SUBJECTS[pick(SUBJECTS.length)]!, pick(3) === 0 ? `${pick(3)}` : undefined)
    case 3:
    case 4:
      return world.leave(at, pick(4))
    case 5:
    case 6:
      return world.report(at)
    case 7:
    case 8:
      await world.look(partition, pick(2) === 0)
      return
    case 9:
      return pick(2) === 0 ? world.kill(at) : world.close(at)
    case 10:
      return world.age(at)
    case 11:
      return world.replaceOwner(partition)
    case 12:
      return world.overtake(pick(1_000))
    default:
      return pick(2) === 0 ? world.backUp() : world.loseNewest()
  }
}

describe('presence', () => {
  const worlds: World[] = []
  afterEach(() => void worlds.splice(0))

  it.each([1_000, 2])(
    'PRES-EXACT-1 PRES-TURN-1 PRES-DEAD-1 PRES-DEAD-2 whatever happens, the published entries become the live connections; %s subjects listed',
    async (maxEntries) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        await redis.flushall()
        const next = createRandom(seed, 0)
        const pick = (below: number) => Math.floor(next() * below)
        const world = new World(maxEntries)
        for (let n = 0; n < STEPS; n++) await step(world, pick)
        await world.settle()
        const [published, live] = [world.published(), world.live()]
        const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)
        expect([seed, total(published)]).toEqual([seed, total(live)])
        if (maxEntries === 2) delete published[MORE_KEY]
        else expect([seed, published]).toEqual([seed, live])
        // Each gateway lists two.
        if (maxEntries === 2) expect(Object.keys(published).length).toBeLessThanOrEqual(4)
        for (const { connections } of world.gateways)
          while (connections.length > 0) connections.pop()!.seat.unsubscribed(1)
        await world.settle()
        expect([seed, world.published(), await redis.keys('*:presence*')]).toEqual([seed, {}, []])
      }
    },
  )
})
