import { describe, expect, it } from 'vitest'
import { BusUnavailable, type PresenceReport } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import type { PresenceTopic } from '../../src/config/contract/model.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { PresenceStage } from '../../src/own/presence-stage.ts'
import { PresenceBook, PresenceFold, PresenceReporter } from '../../src/presence/index.ts'
import { contract } from '../support/contract.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 4
const topic: PresenceTopic = {
  ...({
    kind: 'presence',
    name: 'room.presence',
    of: 'room',
    retentionMs: 1,
    lane: 'normal',
    maxEntries: 10_000,
  } as const),
}
const { server, redis } = await useRedis({ partitions: PARTITIONS })
const used = useBus(server, PARTITIONS)
const empty = () => new PresenceFold(new Map([['room.presence', new Map()]]))
const share = (connections: number, joinedAt = 1) => JSON.stringify([connections, joinedAt])
const seen = (gateway: string, turn: number, shares: Record<string, string>) => ({
  ...{ gateway, turn: `${turn}` },
  shares: Object.entries(shares).map(([key, text]) => [`room.presence ${key}`, text] as const),
})

describe('what an owner publishes', () => {
  it('PRES-TIME-1 PRES-WHO-3 an entry goes on where clocks are set back, and keeps its joinedAt', () => {
    const fold = empty()
    const at = (now: number, ...all: Parameters<PresenceFold['look']>[0]) => {
      fold.look(all)
      return fold.takeChanges(now, true, 10).map(({ time, data }) => [time, JSON.parse(data)])
    }
    expect(at(5_000, seen('a', 1, { ada: share(1, 4_000) }))).toEqual([[5_000, { connections: 1, joinedAt: 4_000 }]])
    expect(at(3_000, seen('a', 2, { ada: share(2, 4_000) }))).toEqual([[5_000, { connections: 2, joinedAt: 4_000 }]])
    expect(at(6_000, seen('b', 1, { ada: share(1, 5_500) }))).toEqual([[6_000, { connections: 1, joinedAt: 4_000 }]])
    expect(at(6_000)).toEqual([[6_000, { connections: 0, joinedAt: 4_000 }]])
    expect(at(7_000, seen('b', 2, { ada: share(1, 6_500) }))).toEqual([[7_000, { connections: 1, joinedAt: 6_500 }]])
  })

  it('PRES-OUTAGE-1 nobody leaves while it is in doubt who is there, and while an answer was not whole', () => {
    const fold = empty()
    fold.look([seen('a', 1, { ada: share(1), bob: share(1) })])
    expect(fold.takeChanges(1, false, 10)).toHaveLength(2)
    fold.look([seen('b', 1, { cyd: share(1) })])
    expect(fold.takeChanges(2, false, 10).map(({ key }) => key)).toEqual(['cyd'])
    fold.look([seen('b', 1, { cyd: share(1) }), { gateway: 'a', turn: '2', shares: 'left' }])
    expect([fold.isWhole, fold.takeChanges(3, true, 10)]).toEqual([false, []])
    fold.look([seen('b', 1, { cyd: share(1) }), seen('a', 2, { bob: share(1) })])
    expect(fold.takeChanges(4, true, 10).map(({ key, hasLeft }) => [key, hasLeft])).toEqual([['ada', true]])
  })
})

describe('reports and looks', () => {
  it('PRES-BOUND-2 a thousand that join at once are one report a partition, and an event each in few record batches', async () => {
    const { bus } = used
    const calls: number[] = []
    const storeOf = (partition: number) => ({
      report: (call: PresenceReport) => {
        calls.push(JSON.stringify(call.set).length)
        return bus.presence(partition, 'query').report(call)
      },
    })
    const options = { gateway: 'g', partitions: PARTITIONS, storeOf, clock: { monotonic: () => 0 }, report: () => '' }
    const book: PresenceBook = new PresenceBook(
      'g',
      [topic],
      () => 1,
      (name, key) => reporter.changed(name, key),
    )
    const reporter = new PresenceReporter(options, book)
    const seats = Array.from({ length: 1_000 }, (_, n) =>
      book.open({ identity: { kind: 'key', id: '', name: '', grants: [] }, subject: `user-${n}` }),
    )
    for (const seat of seats) seat.subscribed(1, ['room'], undefined)
    await reporter.tick()
    expect(calls).toHaveLength(PARTITIONS)
    expect(calls.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(60_000)
    const opened = await stages()
    const appended: number[] = []
    for (const stage of opened) {
      await stage.lookWhenDue()
      const operations = stage.takeOperations()
      appended.push(...operations.map((operation) => (operation.op === 'append' ? operation.latest.length : 0)))
    }
    expect(appended.length).toBeLessThanOrEqual(2 * PARTITIONS)
    expect(appended.reduce((sum, events) => sum + events, 0)).toBe(1_000)
    // They come back before anybody has looked.
    for (const seat of seats) seat.unsubscribed(1)
    for (const seat of seats) seat.subscribed(1, ['room'], undefined)
    await reporter.tick()
    expect(calls).toHaveLength(2 * PARTITIONS)
  })

  it('PRES-OUTAGE-1 while Redis is away no change is kept, and then everything is reported', async () => {
    const { bus } = used
    let isAway = true
    let kept = 0
    const storeOf = (partition: number) => ({
      async report(call: PresenceReport) {
        if (isAway) throw new BusUnavailable('not_sent', 0, 'it is away')
        kept += call.set.length + call.remove.length
        return bus.presence(partition, 'query').report(call)
      },
    })
    let now = 0
    const options = { gateway: 'g', partitions: PARTITIONS, storeOf, clock: { monotonic: () => now }, report: () => '' }
    const book: PresenceBook = new PresenceBook(
      'g',
      [topic],
      () => 1,
      (name, key) => reporter.changed(name, key),
    )
    const reporter = new PresenceReporter(options, book)
    for (let n = 0; n < 2_000; n++) {
      const seat = book.open({ identity: { kind: 'key', id: '', name: '', grants: [] }, subject: `user-${n}` })
      seat.subscribed(1, ['room'], undefined)
      if (n >= 10) seat.unsubscribed(1)
      if (n % 100 === 0) await reporter.tick()
    }
    isAway = false
    now += 1_000
    await reporter.tick()
    expect(kept).toBe(10)
    const reported = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => redis.hlen(keys.presenceOf(partition, 'g'))),
    )
    expect(reported.reduce((sum, count) => sum + count, 0)).toBe(10)
  })

  it('PRES-DEAD-1 PRES-TURN-1 a heartbeat that is not fresh, or ahead of the clock, removes the share; then everything is sent anew', async () => {
    const store = used.bus.presence(0, 'query')
    const set = [['room.presence ada', share(1)]] as const
    const report = (more: object) => store.report({ gateway: 'g', turn: 1, set, remove: [], ...more })
    const [now] = (await redis.time()).map(Number)
    for (const beat of [now! * 1_000 - 2_000, now! * 1_000 + 3_000]) {
      expect(await report({})).toBe('ok')
      expect(await store.look(new Map())).toMatchObject([{ gateway: 'g', turn: '1', shares: set }])
      expect(await store.look(new Map([['g', '1']]))).toEqual([{ gateway: 'g', turn: '1', shares: 'known' }])
      await redis.hset(keys.presence(0), 'g', `1 ${beat}`)
      expect(await store.look(new Map([['g', '1']]))).toEqual([])
      expect(await redis.keys('*presence*')).toEqual([])
      expect(await report({ base: 1, turn: 2 })).toBe('anew')
    }
  })

  it('PRES-COST-1 where no topic has presence there is nothing to look at', async () => {
    expect(await PresenceStage.open(new PartitionStore(0, used.bus), contract, () => 0)).toBeUndefined()
  })
})

function stages(): Promise<PresenceStage[]> {
  const shown = { ...contract, topics: new Map([['room.presence', topic]]) }
  return Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const stage = await PresenceStage.open(new PartitionStore(partition, used.bus), shown, () => 1)
      return stage!
    }),
  )
}
