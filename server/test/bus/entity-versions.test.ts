import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Rights } from '../../src/access/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { defineConfig, entity } from '../../src/index.ts'
import { answerQuery, Queries } from '../../src/queries/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { openTestBus } from '../support/bus.ts'
import { EntityDeployment } from '../support/entities.ts'
import { useRedis } from '../support/use-redis.ts'

const PARTITIONS = 2
const { server, redis } = await useRedis({ partitions: PARTITIONS })
const settings = { redisUrl: server.url, partitions: PARTITIONS, log: () => {}, workerId: 'w' }

const contractOf = (...entities: (readonly [name: string, version: number])[]) =>
  defineConfig({
    topics: [],
    entities: entities.map(([name, version]) =>
      entity(name, {
        ...{ key: 'id', version, state: { initial: {} as object } },
        events: { happened: z.object({}) },
        evolve: { happened: (state) => state },
        commands: { happen: { input: z.object({}), decide: () => [{ type: 'happened', data: {} }] } },
      }),
    ),
  }).contract

type TestContract = ReturnType<typeof contractOf>

/** A worker runs for a moment, in which it does this. */
async function whileRunning(contract: TestContract, body: () => Promise<unknown> = async () => {}) {
  const worker = await startWorker(settings, contract)
  await body().finally(() => worker.close({ deadlineMs: 2_000 }))
  // Else the next one would wait until the claim is over.
  await redis.del(keys.contractLive)
}

function openReader({ entities }: TestContract, warn: (line: string) => void = () => {}) {
  return openTestBus(server.url, PARTITIONS, { entities, warn })
}

async function run(contract: TestContract, ids: readonly string[], name: string) {
  const bus = await openTestBus(server.url, PARTITIONS)
  const deployment = new EntityDeployment(bus)
  try {
    await whileRunning(contract, async () => {
      await deployment.send(ids.map((id) => ({ id, key: 'a', entity: name, command: 'happen', input: {} })))
      await deployment.answered(ids)
    })
    return (await deployment.answers()).get(ids.at(-1)!)
  } finally {
    bus.close()
  }
}

describe('versions of entities in the data', () => {
  test('B-VERSION-1 an older config is refused with entity, versions and what to do, whichever process it is', async () => {
    await whileRunning(contractOf(['user', 3], ['order', 1]))
    const older = contractOf(['user', 2], ['order', 4])
    const refusal = /version 3 of entity user.*has version 2.*version 3 or a later one.*version 4/s
    await expect(startWorker(settings, older)).rejects.toThrow(refusal)
    await expect(openReader(older)).rejects.toThrow(refusal)
    // What was refused has raised nothing, and left no claim behind.
    await whileRunning(contractOf(['user', 3], ['order', 1]))
  })

  test('B-VERSION-1 a gateway raises nothing: nothing is stored by it', async () => {
    await whileRunning(contractOf(['user', 1]))
    ;(await openReader(contractOf(['user', 2]))).close()
    await whileRunning(contractOf(['user', 1]))
  })

  test('B-VERSION-2 an entity that the config lacks stays as it is, and its version is remembered', async () => {
    expect(await run(contractOf(['user', 2], ['order', 1]), ['c-1'], 'user')).toMatchObject([{ version: 1 }])
    const without = contractOf(['order', 1])
    const lines: string[] = []
    const reader = await openReader(without, (line) => lines.push(line))
    expect(lines.filter((line) => line.includes('entity user'))).toHaveLength(1)
    const queries = new Queries(reader, without, () => 'none').of(Rights.EVERYTHING)
    expect(await answerQuery(queries, 'entity', { name: 'user', key: 'a' })).toMatchObject({
      type: 'error',
      code: 'not_found',
    })
    reader.close()
    expect(await run(without, ['c-2'], 'user')).toMatchObject([{ code: 'unknown_entity' }])
    await expect(startWorker(settings, contractOf(['user', 1]))).rejects.toThrow('entity user')
    expect(await run(contractOf(['user', 2]), ['c-3'], 'user')).toMatchObject([{ version: 2 }])
  })

  test('B-VERSION-2 of an entity without data nothing is said', async () => {
    await whileRunning(contractOf(['user', 1]))
    const lines: string[] = []
    ;(await openReader(contractOf(), (line) => lines.push(line))).close()
    expect(lines.filter((line) => line.includes('user'))).toEqual([])
  })
})
