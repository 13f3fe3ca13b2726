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
  const response = await fetch(`${server.url}/v1/entities/user/${key}/register`, {
    ...{ method: 'POST', headers, body: JSON.stringify({ email: `${key}@example.org` }) },
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
  expect(await register('u-0', { 'if-match': '"0"' })).toMatchObject({ status: 412 })
  expect(await register('u-0', { 'if-match': first[0]!.etag! })).toMatchObject({ status: 422 })
}, 30_000)
