import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { BusUnavailable, LOG_START } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { openPartition, settleLineage } from '../../src/bus/log/lineage.ts'
import { systemClock } from '../../src/clock.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { Holder } from '../../src/lease/holder.ts'
import { EntrySource } from '../../src/own/entry-source.ts'
import { processWide } from '../../src/own/loop-context.ts'
import { PartitionOwner } from '../../src/own/partition-owner.ts'
import { PartitionStore } from '../../src/own/partition-store.ts'
import { Trimmer } from '../../src/own/trimmer.ts'
import { WorkerStats } from '../../src/own/worker-stats.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { Deployment, PARTITIONS, readings } from '../support/workers.ts'
import config from './fixtures/worker.config.ts'

const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
let isHeld = false

/** Commits are on their way for as long as they are held. */
function hold(store: PartitionStore): PartitionStore {
  const commit = store.ledger.commit.bind(store.ledger)
  store.ledger.commit = async (request) => {
    if (isHeld) throw new BusUnavailable('unknown', 0, 'it is on its way')
    return commit(request)
  }
  return store
}

function own(partition: number): { owner: Holder; ended: Promise<unknown> } {
  const pipeline = new Pipeline(config.contract)
  const context = {
    pipeline,
    partitions: PARTITIONS,
    clock: systemClock,
    stats: new WorkerStats(() => systemClock),
    ...processWide(opened.bus),
    everywhere: async () => true,
  }
  const store = hold(new PartitionStore(partition, opened.bus))
  const source = new EntrySource(partition, opened.bus, systemClock)
  const trimmer = new Trimmer(store, pipeline, PARTITIONS)
  const owner = new Holder(
    new PartitionOwner({ ...context, log: () => {}, report: () => 'defect' }, store, source, trimmer),
    () => {},
  )
  return { owner, ended: owner.run() }
}

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** As a gateway that knows an entry which is gone, or one that knows nothing. */
async function settle(partition: number, knowsLoss: boolean): Promise<void> {
  const seen = await openPartition(redis, partition)
  const lost = { topic: 'a.reading', epoch: seen.epoch, streamId: '1-1' }
  await settleLineage(redis, partition, seen, knowsLoss ? [lost] : [])
}

describe('a tail that Redis lost under an owner', () => {
  it.each([
    ['with a new epoch', true],
    ['under the same epoch', false],
  ])('B-LINEAGE-6 what was computed of it is not committed once the log goes on %s', async (_, knowsLoss) => {
    isHeld = false
    const deployment = new Deployment(redis)
    const events = readings(400, 4_000)
    const owners = partitions.map(own)
    await deployment.publish(events.slice(0, 200))
    await deployment.expectFolded(200)
    const logBytes = await server.logBytes()
    isHeld = true
    await deployment.publish(events.slice(200))
    await sleep(500)
    await server.restart({ logBytes })
    await vi.waitFor(() => redis.ping(), 5_000)
    for (const partition of partitions) await settle(partition, knowsLoss)
    isHeld = false
    // As the clients do that were acknowledged.
    await deployment.publish(events.slice(200))
    await deployment.expectExact(events)
    for (const { owner } of owners) owner.stop()
    await Promise.all(owners.map(({ ended }) => ended))
  })

  it('W-LOOP-5 what was read ahead before the state was loaded is not folded', async () => {
    const source = new EntrySource(0, opened.bus, systemClock)
    const log = keys.log(0, 'a.reading')
    for (let i = 1; i <= 130; i++) await redis.xadd(log, `${i}-0`, 'e', 'e', 'h', '{}', 'd', '')
    await vi.waitFor(async () => source.read(new Map([['a.reading', LOG_START]]), 0), 5_000)
    await sleep(100)
    await redis.del(log)
    await redis.xadd(log, '500-0', 'e', 'e', 'h', '{}', 'd', '')
    source.forget()
    const { entries } = await source.read(new Map([['a.reading', '64-0']]), 0)
    expect(entries.map(({ streamId }) => streamId)).toEqual(['500-0'])
    source.close()
  })
})
