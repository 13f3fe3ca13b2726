import { createClient, type RecoveredCommand } from '@tidegate/client/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { defineConfig } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { counter } from '../entities/counter.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const config = defineConfig({ topics: [], entities: [counter] })
let server: TestGateway
let worker: RunningWorker

beforeAll(async () => {
  server = await startTestGateway(config.contract)
  await startOne()
})
afterAll(async () => {
  await worker.close({ deadlineMs: 1_000 })
  await server.close()
})

async function startOne(): Promise<void> {
  const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }
  worker = await startWorker(settings, config.contract)
}

it.each([
  ['under a gateway and a worker that know it', false],
  ['together with all that knew it but the client', true],
])(
  'C-COMMAND-12 G-COMMAND-13 answered commands that Redis loses %s run again, before later ones, and their callers hear of it',
  async (_, isPowerCut) => {
    const client = createClient<typeof config>({ url: server.url })
    const recovered: RecoveredCommand[] = []
    client.onRecovered((command) => recovered.push(command))
    const key = `lost-${isPowerCut}`
    const add = (n: number) => client.command('counter', key, 'add', { n })
    const kept = await add(1)
    const logBytes = await server.redis.logBytes()
    const lost = [await add(10), await add(100)]
    expect(lost.map(({ version }) => version)).toEqual([2, 3])
    if (isPowerCut) {
      await worker.close({ deadlineMs: 0 })
      await server.powerCut({ logBytes })
      await startOne()
    } else await server.redis.restart({ logBytes })
    await expect.poll(() => recovered.length, { timeout: 10_000 }).toBe(2)
    for (const [i, { before, now, commandId, ...of }] of recovered.entries()) {
      expect(of).toEqual({ entity: 'counter', key, command: 'add' })
      expect(before).toEqual(lost[i])
      expect(now).toMatchObject({ status: 'done', answer: { version: before.version, events: before.events } })
      expect(now.status === 'done' && now.answer.epoch).not.toBe(before.epoch)
    }
    const { version, reply } = await client.command('counter', key, 'status', {})
    expect([version, reply]).toMatchObject([3, { n: 111 }])
    const stale = client.command('counter', key, 'add', { n: 1 }, { expectedVersion: lost[1]!.at })
    await expect(stale).rejects.toMatchObject({ code: 'version_conflict' })
    await expect(client.entity('counter', key).get({ minVersion: lost[1]!.at })).rejects.toMatchObject({
      code: 'epoch_changed',
    })
    const ids: string[] = []
    for await (const page of client.entity('counter', key).history()) ids.push(...page.map((event) => event.commandId))
    expect(ids.slice(1)).toEqual(recovered.map(({ commandId }) => commandId))
    expect(kept.version).toBe(1)
    await client.close({ deadlineMs: 1_000 })
  },
  30_000,
)
