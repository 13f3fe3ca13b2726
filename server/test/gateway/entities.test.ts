import {
  type CommandAnswer,
  CommandRejected,
  createClient,
  type LiveState,
  type TidegateClient,
} from '@tidegate/client/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import type { Bus } from '../../src/bus/index.ts'
import { defineConfig, entity, reject, reply } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { openTestBus } from '../support/bus.ts'
import { EntityDeployment } from '../support/entities.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const PARTITIONS = 4
const email = z.object({ email: z.string() })

interface User {
  readonly email: string
  readonly passwordHash: string
}
const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: { email: '', passwordHash: '' } as User },
  events: { registered: z.object({ email: z.string(), passwordHash: z.string() }), emailChanged: email },
  evolve: { registered: (_state, data) => data, emailChanged: (state, { email }) => ({ ...state, email }) },
  rejections: ['user_already_exists', 'user_not_found'],
  commands: {
    create: {
      input: z.object({ email: z.string(), passwordHash: z.string().default('hush') }),
      decide: ({ email }, data) =>
        email === '' ? [{ type: 'registered', data }] : reject('user_already_exists', 'This user exists.'),
    },
    changeEmail: {
      input: email,
      decide: (state, data) =>
        state.email === '' ? reject('user_not_found', 'No such user.') : [{ type: 'emailChanged', data }],
    },
  },
  view: ({ email }) => ({ email }),
  indexes: { email: ({ email }) => (email === '' ? undefined : email) },
})

type Status = 'idle' | 'updated' | 'processed'
const sensor = entity('sensor', {
  key: 'sensorId',
  version: 1,
  state: { initial: { status: 'idle' as Status, value: 0 as number } },
  events: { updated: z.object({ value: z.number() }), processed: z.object({}) },
  evolve: {
    updated: (_state, { value }) => ({ status: 'updated', value }),
    processed: (state) => ({ ...state, status: 'processed' }),
  },
  commands: {
    update: { input: z.object({ value: z.number() }), decide: (_state, data) => [{ type: 'updated', data }] },
    process: { input: z.object({}), decide: () => [{ type: 'processed', data: {} }] },
    getStatus: { input: z.object({}), decide: ({ status }) => reply(status) },
  },
  publish: ['state'],
})

const config = defineConfig({ topics: [], entities: [user, sensor] })
type Client = TidegateClient<typeof config>

/** Sockets whose connection a test can cut. */
const sockets: WebSocket[] = []
class CuttableSocket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols)
    sockets.push(this)
  }
}

let server: TestGateway
let worker: RunningWorker
let bus: Bus
let client: Client

beforeAll(async () => {
  server = await startTestGateway(config.contract, { partitions: PARTITIONS })
  bus = await openTestBus(server.redis.url, PARTITIONS)
  const settings = { redisUrl: server.redis.url, partitions: PARTITIONS, workerId: 'w', log: () => {} }
  worker = await startWorker(settings, config.contract)
  client = createClient<typeof config>({ url: server.url, WebSocket: CuttableSocket })
})
afterAll(async () => {
  await client.close({ deadlineMs: 0 })
  await worker.close({ deadlineMs: 2_000 })
  bus.close()
  await server.close()
})

async function collect<Item>(pages: AsyncIterable<readonly Item[]>): Promise<Item[]> {
  const items: Item[] = []
  for await (const page of pages) items.push(...page)
  return items
}

describe('event sourcing', () => {
  test('C-ENTITY-3 C-ENTITY-4 a user who registered and then changed the e-mail has that state and two events', async () => {
    const handle = client.entity('user', '42')
    await handle.command('create', { email: 'ann@example.org' })
    const { at } = await handle.command('changeEmail', { email: 'ann@example.com' })
    expect(await handle.get()).toMatchObject({ key: '42', version: 2, at, view: { email: 'ann@example.com' } })
    expect(await handle.get({ version: 1 })).toMatchObject({ version: 1, view: { email: 'ann@example.org' } })
    const history = await collect(handle.history({ limit: 1 }))
    expect(history.map(({ version, type }) => [version, type])).toEqual([
      [1, 'registered'],
      [2, 'emailChanged'],
    ])
    const first = await handle.get({ at: history[0]!.time })
    expect(first.version).toBeGreaterThanOrEqual(1)
    expect(JSON.stringify([history, first])).not.toContain('hush')
  })

  test('C-COMMAND-7 a user who exists cannot be created again, and one who does not cannot change', async () => {
    const input = { email: 'bob@example.org' }
    await client.command('user', 'bob', 'create', input)
    const again: unknown = await client.command('user', 'bob', 'create', input).catch((error) => error)
    expect(again).toBeInstanceOf(CommandRejected)
    expect(again).toMatchObject({ code: 'user_already_exists', message: 'This user exists.', version: 1 })
    const nobody = client.command('user', 'nobody', 'changeEmail', input)
    await expect(nobody).rejects.toMatchObject({ code: 'user_not_found', version: 0 })
    const untyped = client as unknown as TidegateClient
    const wrong = untyped.command('user', 'bob', 'changeEmail', { email: 7 })
    await expect(wrong).rejects.toMatchObject({ name: 'CommandRejected', code: 'invalid_input', path: 'email' })
    await expect(untyped.command('user', 'bob', 'fly', {})).rejects.toMatchObject({ code: 'unknown_command' })
    const late = client.command('user', 'bob', 'changeEmail', input, { expectedVersion: 7 })
    await expect(late).rejects.toMatchObject({ name: 'CommandRejected', code: 'version_conflict', version: 1 })
  })

  test('C-ENTITY-4 users are found by e-mail', async () => {
    for (const key of ['c1', 'c2', 'c3']) await client.command('user', key, 'create', { email: 'carl@example.org' })
    await client.command('user', 'c2', 'changeEmail', { email: 'c2@example.org' })
    const found = await collect(client.findEntities('user', 'email', 'carl@example.org', { limit: 1 }))
    expect(found.map(({ key }) => key).sort()).toEqual(['c1', 'c3'])
    expect(await collect(client.findEntities('user', 'email', 'nobody@example.org'))).toEqual([])
  })

  test('C-COMMAND-1 the same id has the same answer, and is run once', async () => {
    const send = (value: number) => client.command('sensor', 'once', 'update', { value }, { id: 'once-1' })
    const first = await send(5)
    expect(await send(5)).toEqual(first)
    await expect(send(6)).rejects.toMatchObject({ name: 'TidegateError', code: 'conflict', commandId: 'once-1' })
    expect(await client.entity('sensor', 'once').get()).toMatchObject({ version: 1, view: { value: 5 } })
  })
})

describe('actor', () => {
  test('C-ENTITY-1 C-ENTITY-2 a sensor says what it was told last, and a handle sees it change', async () => {
    const handle = client.entity('sensor', 'hall')
    const seen: LiveState<{ readonly status: Status }>[] = []
    handle.onChange((state) => seen.push(state))
    await handle.ready
    expect(handle.state).toBeUndefined()
    const status = async () => (await handle.command('getStatus', {})).reply
    expect(await status()).toBe('idle')
    await handle.command('update', { value: 21.5 })
    expect(await status()).toBe('updated')
    await handle.command('process', {})
    expect(await status()).toBe('processed')
    await expect.poll(() => handle.state).toEqual({ version: 2, view: { status: 'processed', value: 21.5 } })
    expect(seen.map(({ version }) => version)).toEqual([1, 2])
    const late = client.entity('sensor', 'hall')
    await late.ready
    expect(late.state).toMatchObject({ version: 2 })
    late.close()
    await handle.command('update', { value: 22 })
    await expect.poll(() => handle.state?.version).toBe(3)
    expect(late.state).toMatchObject({ version: 2 })
    handle.close()
  })

  test('C-ENTITY-1 an entity that does not publish its state says so', async () => {
    await expect(client.entity('user', '42').ready).rejects.toMatchObject({ code: 'not_live' })
  })
})

test('C-COMMAND-5 connections that break among 200 commands - each has one outcome, and the trail has each once and in order', async () => {
  const keys = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']
  const outcomes: Promise<CommandAnswer<{ type: 'updated' | 'processed'; data: unknown }>>[] = []
  for (let n = 0; n < 200; n++) {
    const options = { id: `cut-${n}`, deadlineMs: 30_000, pipelined: n % 3 === 0 }
    outcomes.push(client.command('sensor', keys[n % 8]!, 'update', { value: n }, options))
    if (n % 40 === 39) {
      await Promise.race(outcomes.slice(-8))
      sockets.at(-1)!.terminate()
    }
  }
  const answers = await Promise.all(outcomes)
  const deployment = new EntityDeployment(bus)
  for (const [k, key] of keys.entries()) {
    const trail = await deployment.trail('sensor', key)
    const own = answers.map((answer, n) => ({ ...answer, n })).filter(({ n }) => n % 8 === k)
    expect(trail.map(({ commandId }) => commandId)).toEqual(own.map(({ n }) => `cut-${n}`))
    expect(own.map(({ version }) => version)).toEqual(own.map((_, i) => i + 1))
  }
  expect(sockets.length).toBeGreaterThanOrEqual(5)
}, 40_000)
