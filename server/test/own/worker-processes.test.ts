import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { EntityDeployment } from '../support/entities.ts'
import { TidegateProcess, until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { Deployment, PARTITIONS, type Reading, readings } from '../support/workers.ts'
import { DEADLY } from './fixtures/worker.config.ts'

const CONFIG = fileURLToPath(new URL('./fixtures/worker.config.ts', import.meta.url))
const ENTITY_CONFIG = fileURLToPath(new URL('./fixtures/entity-worker.config.ts', import.meta.url))
const { server, redis } = await useRedis()
const deployment = new Deployment(redis)
const opened = useBus(server, PARTITIONS)
let workers: TidegateProcess[] = []

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop('SIGKILL')))
  workers = []
})

/** Two of them, which share the partitions: otherwise the one that is killed may own none. */
async function startTwo(): Promise<readonly [TidegateProcess, TidegateProcess]> {
  const two = await Promise.all([startWorker('w-1'), startWorker('w-2')])
  await untilShared()
  return two
}

async function untilShared(): Promise<void> {
  await until(async () => {
    const shares = await deployment.shares()
    return shares['w-1'] === PARTITIONS / 2 && shares['w-2'] === PARTITIONS / 2
  }, 'each has half of the partitions')
  await untilOwned()
}

async function startWorker(node: string, config = CONFIG): Promise<TidegateProcess> {
  const environment = { REDIS_URL: server.url, TIDEGATE_PARTITIONS: `${PARTITIONS}`, TIDEGATE_NODE: node }
  const worker = new TidegateProcess(['worker', '--config', config], environment)
  workers.push(worker)
  await worker.ready()
  return worker
}

/** Waits until every partition has an owner that was heard of after `since`, and returns how long after. */
async function untilOwned(since = 0): Promise<number> {
  await until(
    async () => (await deployment.owners(since)).every((token) => token !== undefined),
    'every partition has an owner',
  )
  return (await deployment.now()) - since
}

describe('worker processes', () => {
  it('W-OWNER-1 take over from a killed one within 3 s, with the results there would have been', async () => {
    const [first] = await startTwo()
    const events = readings(2_000, 20_000)
    const publishing = deployment.publishOver(events, 3_000)
    await sleep(500)
    await first.stop('SIGKILL')
    const killedAt = await deployment.now()
    expect(await untilOwned(killedAt)).toBeLessThan(3_000)
    const owners = await deployment.owners(killedAt)
    await publishing
    await deployment.expectExact(events)
    // W-OWNER-8: the dead worker's partitions are not given up again for a share that it no longer takes.
    await sleep(Math.max(0, killedAt + 3_000 - (await deployment.now())))
    expect(await deployment.owners(killedAt)).toEqual(owners)
  })

  it('L-HOLD-2 that were replaced while they were stopped change nothing and take nothing back', async () => {
    const stopped = await startWorker('w-1')
    await untilOwned()
    const events = readings(2_000, 20_000)
    const publishing = deployment.publishOver(events, 4_000)
    await sleep(500)
    stopped.child.kill('SIGSTOP')
    const stoppedAt = await deployment.now()
    await startWorker('w-2')
    await untilOwned(stoppedAt)
    const owners = await deployment.owners(stoppedAt)
    stopped.child.kill('SIGCONT')
    await stopped.said(/another worker has it now/)
    // Balance gives the partitions out again later; that the fenced owner takes them by itself would be at once.
    expect(await deployment.owners(stoppedAt)).toEqual(owners)
    await publishing
    await deployment.expectExact(events)
  })

  it('W-OWNER-4 W-OWNER-3 spread the partitions over all of them, and hand them over on SIGTERM', async () => {
    const first = await startWorker('w-1')
    await untilOwned()
    await startWorker('w-2')
    await untilShared()
    const events = readings(1_000, 10_000)
    const publishing = deployment.publishOver(events, 2_000)
    await sleep(500)
    const { code } = await first.stop('SIGTERM')
    expect(code).toBe(0)
    expect(await untilOwned(await deployment.now())).toBeLessThan(1_000)
    await publishing
    await deployment.expectExact(events)
  })

  it('W-OWNER-5 L-POOL-1 offer a partition again whose lease job vanished', async () => {
    const first = await startWorker('w-1')
    await untilOwned()
    await first.stop('SIGKILL')
    const killedAt = await deployment.now()
    const jobs = await redis.keys('{tg:jobs}*')
    expect(jobs.length).toBeGreaterThan(0)
    await redis.del(...jobs)
    await startWorker('w-2')
    const readyAt = await deployment.now()
    expect(killedAt + (await untilOwned(killedAt)) - readyAt).toBeLessThan(5_000)
  })

  it('W-SUSPECT-1 get past an event that kills whoever folds it', async () => {
    const events = readings(100, 2_000)
    const deadly: Reading = { ...events[50]!, id: 'deadly', v: DEADLY }
    await deployment.publish([...events.slice(0, 50), deadly, ...events.slice(50)])
    // As if two owners had died of it before: the third take is the first to be suspicious.
    await redis.hset(keys.meta(partitionOf(deadly.key, PARTITIONS)), 'takes', 2)
    let worker = await startWorker('w-0')
    for (let next = 1; (await deployment.eventsOf('a.reading~dead')).length === 0; next++) {
      const ended = await Promise.race([worker.ended, sleep(100)])
      if (ended !== undefined) worker = await startWorker(`w-${next}`)
      expect(next).toBeLessThan(200)
    }
    expect((await deployment.eventsOf('a.reading~dead')).map(({ id }) => id)).toEqual(['deadly'])
    await deployment.expectExact(events)
  }, 60_000)

  it('W-SUSPECT-1 count a take although commands are answered before the event', async () => {
    const deadly: Reading = { ...readings(1, 1)[0]!, id: 'deadly', v: DEADLY }
    await deployment.publish([deadly])
    await new EntityDeployment(opened.bus).send([
      { id: 'c-1', entity: 'counter', key: deadly.key, command: 'count', input: {} },
    ])
    const meta = keys.meta(partitionOf(deadly.key, PARTITIONS))
    await redis.hset(meta, 'takes', 1)
    const worker = await startWorker('w-0', ENTITY_CONFIG)
    await worker.ended
    const [commits, takes] = await redis.hmget(meta, 'commitSeq', 'takes')
    expect([Number(commits) > 0, takes]).toEqual([true, '2'])
  })
})
