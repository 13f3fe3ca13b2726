import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Bus } from '../../src/bus/index.ts'
import { JobOffers } from '../../src/bus/jobs/index.ts'
import { type LeaseKind, Pool } from '../../src/lease/index.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { leasedOf } from './leased.ts'

const PARTITIONS = 3
const { server, redis } = await useRedis()
const first = useBus(server, PARTITIONS)
const second = useBus(server, PARTITIONS)
let pools: Pool<Lease>[] = []

afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.close(1_000)))
  pools = []
})

interface Lease {
  readonly partition: number
}

const JOBS = { queue: 'test', idOf: ({ partition }: Lease) => `${partition}` }

/** Ledgers of partitions that are held for nothing. `held` are those that this worker holds now. */
class Kind implements LeaseKind<Lease> {
  readonly jobs = JOBS
  readonly reconcileMs: number = 100
  readonly held = new Set<number>()
  /** How often it was asked for what nobody holds. */
  rounds = 0
  /** How many holders have ended, whether they held anything or not. */
  ended = 0
  readonly #bus: Bus

  constructor(bus: Bus) {
    this.#bus = bus
  }

  nameOf = ({ partition }: Lease) => `partition ${partition}`

  async open({ partition }: Lease) {
    const leased = leasedOf(this.#bus, partition)
    return leasedOf(this.#bus, partition, {
      loop: async (ownership, hold) => {
        this.held.add(partition)
        return await leased.loop(ownership, hold)
      },
      close: () => {
        this.ended++
        this.held.delete(partition)
      },
    })
  }

  async unheld(): Promise<Lease[]> {
    this.rounds++
    return (await this.#bus.owners()).filter(({ owned }) => !owned)
  }

  async leave(): Promise<void> {
    // Nobody counts these workers.
  }
}

/** Takes what is offered, and offers nothing by itself. */
class Taker extends Kind {
  override async unheld(): Promise<Lease[]> {
    return []
  }
}

function poolOf(bus: Bus, kind: Kind): Pool<Lease> {
  const pool = new Pool(bus, kind, () => {})
  pools.push(pool)
  return pool
}

/** A pool that holds every partition. */
async function full(): Promise<{ pool: Pool<Lease>; kind: Kind }> {
  const kind = new Kind(first.bus)
  const pool = poolOf(first.bus, kind)
  await pool.start()
  await until(() => kind.held.size === PARTITIONS, 'everything is held')
  return { pool, kind }
}

/** A second one that only takes. */
async function taker(): Promise<Taker> {
  const kind = new Taker(second.bus)
  await poolOf(second.bus, kind).start()
  return kind
}

describe('pool', () => {
  it('L-POOL-1 offers what nobody holds, also after its jobs have vanished', async () => {
    const { pool, kind } = await full()
    await pool.close(1_000)
    expect(kind.held).toEqual(new Set())
    await redis.del(...(await redis.keys('{tg:jobs}*')))
    await full()
  })

  it('L-POOL-2 hands everything over at once when it closes', async () => {
    const { pool } = await full()
    const other = await taker()
    const startedAt = performance.now()
    await pool.close(5_000)
    await until(() => other.held.size === PARTITIONS, 'the other one has everything')
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })

  it('L-POOL-2 abandons by the deadline what Redis does not answer', async () => {
    const { pool, kind } = await full()
    process.kill(server.pid, 'SIGSTOP')
    try {
      const startedAt = performance.now()
      await pool.close(200)
      expect(performance.now() - startedAt).toBeLessThan(400)
      await until(() => kind.held.size === 0, 'nothing is held')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
  })

  it('L-POOL-3 gives up what exceeds its share and leaves it to others', async () => {
    const { pool, kind } = await full()
    const other = await taker()
    pool.yieldExcess(1)
    await until(() => other.held.size === PARTITIONS - 1, 'the other one has the rest')
    expect(kind.held.size).toBe(1)
  })

  it('L-POOL-7 keeps what it has just taken over from a dead one, whose share nobody would take', async () => {
    for (let partition = 0; partition < PARTITIONS; partition++) await first.bus.ledger(partition, 'commit').take()
    const { pool, kind } = await full()
    pool.yieldExcess(1)
    const { rounds } = kind
    await until(() => kind.rounds > rounds + 2, 'some rounds are over')
    expect(kind.held.size).toBe(PARTITIONS)
  })

  it('L-POOL-7 keeps what it is just taking', async () => {
    for (let partition = 0; partition < PARTITIONS; partition++) await first.bus.ledger(partition, 'commit').take()
    const kind = new Kind(first.bus)
    const pool = poolOf(first.bus, kind)
    await pool.start()
    const offers = new JobOffers(second.bus, JOBS)
    for (let partition = 0; partition < PARTITIONS; partition++) await offers.offer({ partition })
    await until(() => {
      pool.yieldExcess(0)
      return kind.held.size === PARTITIONS
    }, 'everything is held')
    expect(kind.ended).toBe(0)
    await offers.close()
  })

  it('L-POOL-4 offers a job again that comes while it closes', async () => {
    class ClosedByJob extends Taker {
      closing: Promise<void> | undefined
      override readonly jobs = {
        ...JOBS,
        idOf: (lease: Lease) => {
          this.closing ??= pool.close(1_000)
          return JOBS.idOf(lease)
        },
      }
    }
    const kind = new ClosedByJob(first.bus)
    const pool: Pool<Lease> = poolOf(first.bus, kind)
    await pool.start()
    const offers = new JobOffers(second.bus, JOBS)
    await offers.offer({ partition: 0 })
    await until(() => kind.closing !== undefined, 'the job has come')
    await kind.closing
    const other = await taker()
    await until(() => other.held.size === 1, 'the other one has it')
    await offers.close()
  })

  it('L-POOL-5 leaves after its last look, and looks no more', async () => {
    const done: string[] = []
    class Slow extends Kind {
      override readonly reconcileMs = 20

      override async unheld(): Promise<Lease[]> {
        await pause(200)
        done.push('looked')
        return []
      }

      override async leave(): Promise<void> {
        done.push('left')
      }
    }
    const pool = poolOf(first.bus, new Slow(first.bus))
    const started = pool.start()
    await pause(50)
    await pool.close(1_000)
    await started
    await pause(300)
    expect(done).toEqual(['looked', 'left'])
  })

  it('L-POOL-8 a pool that rests gives everything up and takes nothing, until it no longer rests', async () => {
    const [resting, other] = [new Kind(first.bus), new Taker(second.bus)]
    const pool = poolOf(first.bus, resting)
    await pool.start()
    await until(() => resting.held.size === PARTITIONS, 'everything is held')
    await pool.rest(true)
    await until(() => resting.held.size === 0, 'nothing is held')
    const rounds = resting.rounds
    await until(() => resting.rounds > rounds + 2, 'some rounds')
    expect(resting.held.size).toBe(0)
    const taker = poolOf(second.bus, other)
    await taker.start()
    await until(() => other.held.size === PARTITIONS, 'the other one has everything')
    await taker.close(1_000)
    await pool.rest(false)
    await until(() => resting.held.size === PARTITIONS, 'everything is held again')
  })
})
