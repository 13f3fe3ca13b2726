import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { defineConfig, entity, reject } from '../../src/index.ts'
import { type RunningWorker, startWorker } from '../../src/worker-app.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const user = entity('user', {
  key: 'userId',
  version: 1,
  state: { initial: { email: '' as string } },
  events: { registered: z.object({ email: z.string() }) },
  evolve: { registered: (_, { email }) => ({ email }) },
  rejections: ['user_already_exists'],
  commands: {
    register: {
      input: z.object({ email: z.string() }),
      decide: (state, { email }) =>
        state.email === ''
          ? [{ type: 'registered', data: { email } }]
          : reject('user_already_exists', 'This user is registered.'),
    },
  },
  indexes: { email: ({ email }) => email },
})
const { contract } = defineConfig({ topics: [], entities: [user] })

let server: TestGateway
let worker: RunningWorker

beforeAll(async () => {
  server = await startTestGateway(contract)
  const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {} }
  worker = await startWorker(settings, contract)
})
afterAll(async () => {
  await worker.close({ deadlineMs: 1_000 })
  await server.close()
})

async function register(key: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/v1/entities/user/${encodeURIComponent(key)}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ email: `${key}@example.org` }),
  })
  return { status: response.status, etag: response.headers.get('etag'), body: await response.json() }
}

it('G-COMMAND-5 a worker runs what a gateway stored: done, refused by the entity, and by its version', async () => {
  const keys = Array.from({ length: 20 }, (_, i) => `u-${i}`)
  const first = await Promise.all(keys.map((key) => register(key, { 'idempotency-key': 'k-1' })))
  for (const [i, answer] of first.entries()) {
    expect(answer).toMatchObject({
      status: 200,
      body: { version: 1, events: [{ type: 'registered', data: { email: `u-${i}@example.org` } }] },
    })
  }
  const again = await Promise.all(keys.map((key) => register(key, { 'idempotency-key': 'k-1' })))
  expect(again).toEqual(first)
  expect(await register('u-0')).toMatchObject({ status: 422, body: { error: { code: 'user_already_exists' } } })
  for (const version of ['"0"', '"7"', `"${10 ** 15 - 1}"`, '"1@zz"']) {
    expect(await register('u-0', { 'if-match': version })).toMatchObject({
      ...{ status: 412, body: { error: { code: 'version_conflict', version: 1, epoch: first[0]!.body.epoch } } },
    })
  }
  const other = await register('u-0', { 'idempotency-key': 'k-1', 'if-match': '"0"' })
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } })
  expect(await register('u-0', { 'if-match': first[0]!.etag! })).toMatchObject({ status: 422 })
}, 30_000)

async function get(path: string) {
  const response = await fetch(`${server.url}/v1/entities/${path}`)
  return { status: response.status, etag: response.headers.get('etag'), body: await response.json() }
}

it('G-ENTITY-1 what was changed is asked for: now, at a version, as a history, and by an index', async () => {
  const { etag } = await register('ann/1')
  const key = encodeURIComponent('ann/1')
  const now = await get(`user/${key}`)
  const view = { email: 'ann/1@example.org' }
  expect(now).toMatchObject({ status: 200, etag, body: { key: 'ann/1', version: 1, view } })
  expect(await get(`user/${key}?version=1`)).toEqual(now)
  expect(await get(`user/${key}?version=2`)).toMatchObject({ status: 404 })
  expect(await get(`user/${key}?minVersion=${etag!.slice(1, -1)}`)).toEqual(now)
  expect(await get(`user/${key}/history`)).toMatchObject({ body: { events: [{ version: 1, type: 'registered' }] } })
  const found = await get('user?email=ann%2F1@example.org')
  expect(found).toMatchObject({ status: 200, body: { entities: [{ key: 'ann/1' }] } })
  expect(await get('user?email=nobody')).toEqual({ status: 200, etag: null, body: { entities: [] } })
  expect(await get('user?size=3')).toMatchObject({ status: 400 })
  expect(await get('user')).toMatchObject({ status: 400 })
  expect(await get('user/%ff')).toMatchObject({ status: 400 })
  expect(await get('nothing/1')).toMatchObject({ status: 404 })
})
