import { expect, it } from 'vitest'
import { ANYBODY } from '../../src/access/index.ts'
import { partitionOf } from '../../src/bus/index.ts'
import { systemClock } from '../../src/clock.ts'
import { Commands, readOutcome } from '../../src/commands/index.ts'
import { Ingest } from '../../src/ingest/index.ts'
import { entityContract as contract } from '../support/entity-contract.ts'
import { StandInOwner } from '../support/stand-in-owner.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 2
const partition = partitionOf('42', PARTITIONS)
/** Another key of the same partition. */
const neighbour = ['a', 'b', 'c', 'd', 'e', 'f'].find((key) => partitionOf(key, PARTITIONS) === partition)!
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)

it('CMD-ANSWER-9 CMD-ANSWER-10 an outcome from before its entity was erased is told nobody', async () => {
  const { bus } = opened
  const report = (_where: string, error: unknown) => String(error)
  const shared = { bus, contract, clock: systemClock, report }
  const ingest = new Ingest({ ...shared, known: () => [] })
  const commands = new Commands({
    ...{ ...shared, ingest, node: 'gw', overloadedMs: () => undefined, onAnswer: () => {} },
  })
  const owner = new StandInOwner(bus)
  await Promise.all([commands.start(), ingest.start()])
  try {
    const request = {
      id: 'c-1',
      caller: ANYBODY,
      entity: 'user',
      key: '42',
      command: 'changeEmail',
      input: { email: 'ann@example.org' },
    }
    const send = () => new Promise((resolve) => commands.send(request, (outcome) => resolve(readOutcome(outcome))))
    const outcome = await send()
    expect(await commands.outcome('user', '42', 'c-1', ANYBODY)).toEqual(outcome)
    expect(await commands.outcome('user', neighbour, 'c-1', ANYBODY)).toBeUndefined()
    expect(await commands.outcome('shop', '42', 'c-1', ANYBODY)).toBeUndefined()
    const tombstone = { v: 2, t: 1, d: 1, s: {}, b: [2, 1, {}], z: [2, 1] }
    await redis.hset(`{tg:${partition}}:entity:user`, '42', JSON.stringify(tombstone))
    expect(await commands.outcome('user', '42', 'c-1', ANYBODY)).toMatchObject({
      status: 'rejected',
      code: 'erased',
    })
    expect(await commands.outcome('user', neighbour, 'c-1', ANYBODY)).toBeUndefined()
    // The same command again, whose answer a tail has passed over.
    owner.paused = true
    const again = send()
    expect(await commands.outcome('user', '42', 'c-1', ANYBODY)).toMatchObject({ code: 'erased' })
    commands.epochChanged({ partition, epoch: 'another' })
    expect(await again).toMatchObject({ status: 'rejected', code: 'erased' })
  } finally {
    await commands.close()
    ingest.close()
    await owner.close()
  }
})
