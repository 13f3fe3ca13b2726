import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { BusUnavailable, HEARTBEAT_FRESH_MS, type KnownEntry, type Ownership } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { Holder, type HoldOutcome, type Leased } from '../../src/lease/index.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { leasedOf, untilStopped } from './leased.ts'

const { server, redis } = await useRedis()
const opened = useBus(server, 1)
let running: { holder: Holder; ended: Promise<HoldOutcome> }[] = []

afterEach(async () => {
  for (const { holder } of running) holder.stop()
  await Promise.all(running.map(({ ended }) => ended))
  running = []
})

/** A holder that runs, and what its loop was called with. */
function hold(changes: Partial<Leased> = {}) {
  const loops: Ownership[] = []
  const { loop = (_, held) => untilStopped(held), ...others } = changes
  const leased = leasedOf(opened.bus, 0, {
    ...others,
    loop: (ownership, held) => {
      loops.push(ownership)
      return loop(ownership, held)
    },
  })
  const holder = new Holder(leased, () => {})
  const run = { holder, ended: holder.run(), loops }
  running.push(run)
  return run
}

/** One whose loop has begun. */
async function holding(changes: Partial<Leased> = {}) {
  const run = hold(changes)
  await until(() => run.loops.length > 0, 'the ledger is held')
  return run
}

const ledger = () => opened.bus.ledger(0, 'commit')
const takenBy = () => redis.hget(keys.meta(0), 'token')
const unanswered = () => new BusUnavailable('unknown', 0, 'the reply was lost')

async function tookMs(body: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await body()
  return performance.now() - startedAt
}

describe('holder - take', () => {
  it('L-TAKE-1 leaves a ledger alone whose holder is alive', async () => {
    await holding()
    const token = await takenBy()
    expect(await hold().ended).toBe('held')
    expect(await takenBy()).toBe(token)
  })

  it('L-TAKE-1 takes over from a killed holder once its heartbeat is stale', async () => {
    await ledger().take()
    const waitedMs = await tookMs(() => holding())
    expect(waitedMs).toBeGreaterThan(HEARTBEAT_FRESH_MS - 100)
    expect(waitedMs).toBeLessThan(HEARTBEAT_FRESH_MS + 500)
  })

  it('L-TAKE-2 makes a take again whose answer was lost', async () => {
    const losing = ledger()
    const take = losing.take.bind(losing)
    let takes = 0
    losing.take = async () => {
      const reply = await take()
      if (++takes === 1) throw unanswered()
      return reply
    }
    const { loops } = await holding({ ledger: losing })
    expect(loops).toMatchObject([{ takes: 2 }])
  })

  it('L-TAKE-3 does not take what is not open', async () => {
    const { ended, loops } = hold({ isOpen: async () => false })
    expect(await ended).toBe('done')
    expect(loops).toEqual([])
    expect(await takenBy()).toBeNull()
  })

  it('L-TAKE-4 ends at once when it is stopped while it waits for a ledger', async () => {
    await ledger().take()
    const token = await takenBy()
    const { holder, ended, loops } = hold()
    await pause(100)
    holder.stop()
    expect(await tookMs(() => ended)).toBeLessThan(300)
    expect(await ended).toBe('released')
    expect(loops).toEqual([])
    expect(await takenBy()).toBe(token)
  })
})

describe('holder - hold', () => {
  it('L-HOLD-1 renews the heartbeat while the loop does nothing, also after one that was not answered', async () => {
    const losing = ledger()
    const beat = losing.beat.bind(losing)
    let beats = 0
    losing.beat = (token) => (++beats === 1 ? Promise.reject(unanswered()) : beat(token))
    await holding({ ledger: losing })
    await pause(HEARTBEAT_FRESH_MS + 200)
    expect(beats).toBeGreaterThanOrEqual(3)
    expect(await ledger().take()).toMatchObject({ status: 'held' })
  })

  it('L-HOLD-2 ends as fenced with the next heartbeat, and its calls with it', async () => {
    const { ended } = await holding({
      loop: async (_, { answered }) => {
        await answered(async () => {
          throw unanswered()
        })
        return 'done'
      },
    })
    await redis.hset(keys.meta(0), 'token', '9:other')
    expect(await tookMs(() => ended)).toBeLessThan(1_000)
    expect(await ended).toBe('fenced')
    expect(await redis.hmget(keys.meta(0), 'token', 'released')).toEqual(['9:other', '0'])
  })

  it('L-HOLD-2 ends as fenced when a commit says so, without taking again', async () => {
    const { ended, loops } = hold({ loop: async () => 'fenced' })
    expect(await ended).toBe('fenced')
    expect(loops).toHaveLength(1)
    expect(await redis.hget(keys.meta(0), 'released')).toBe('0')
  })

  it.each(['conflict', 'lineage'] as const)('L-HOLD-3 begins the loop again after %s, under its token', async (end) => {
    const ends = [end, end]
    const { loops } = hold({ loop: async (_, held) => ends.pop() ?? untilStopped(held) })
    await until(() => loops.length === 3, 'the third loop')
    expect(new Set(loops).size).toBe(1)
  })

  it('L-HOLD-4 does not release what it is done with', async () => {
    const { ended } = hold({ loop: async () => 'done' })
    expect(await ended).toBe('done')
    expect(await redis.hget(keys.meta(0), 'released')).toBe('0')
  })
})

describe('holder - another Redis', () => {
  const change = () => redis.hset(keys.meta(0), 'lineage', 'old:old')
  const evidence = (): readonly KnownEntry[] => []

  it('L-LINEAGE-1 settles it after 1.5 s when it has read entries', async () => {
    await change()
    expect(await tookMs(() => holding({ evidence }))).toBeGreaterThan(1_500)
    expect(await redis.hget(keys.meta(0), 'lineage')).not.toBe('old:old')
  })

  it('L-LINEAGE-1 waits for whoever settles it when it has read nothing', async () => {
    await change()
    const { loops } = hold()
    await pause(2_000)
    expect(loops).toEqual([])
    const log = opened.bus.log(0, 'query')
    await log.settle(await log.lineage(), [])
    await until(() => loops.length === 1, 'the ledger is held')
  })

  it('L-LINEAGE-1 can be stopped while it waits', async () => {
    await change()
    const { holder, ended } = hold()
    await pause(200)
    holder.stop()
    expect(await tookMs(() => ended)).toBeLessThan(500)
  })
})

describe('holder - release', () => {
  it('L-RELEASE-1 releases behind the last commit of the loop, and the ledger is free at once', async () => {
    let hasCommitted = false
    const { holder, ended } = await holding({
      loop: async (_, held) => {
        const end = await untilStopped(held)
        expect(await redis.hget(keys.meta(0), 'released')).toBe('0')
        hasCommitted = true
        return end
      },
    })
    holder.stop()
    expect(await ended).toBe('released')
    expect(hasCommitted).toBe(true)
    expect(await ledger().take()).toMatchObject({ status: 'ok', ownership: { takes: 1 } })
  })

  it('L-RELEASE-2 ends as abandoned while Redis stands still', async () => {
    const { holder, ended } = await holding()
    process.kill(server.pid, 'SIGSTOP')
    try {
      holder.stop()
      await pause(200)
      holder.abandon()
      expect(await ended).toBe('abandoned')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
  })
})
