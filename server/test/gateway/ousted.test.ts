import { afterAll, expect, it } from 'vitest'
import { z } from 'zod'
import { keys } from '../../src/bus/keys.ts'
import { defineConfig, topic } from '../../src/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const note = topic('note', { schema: z.object({ id: z.string() }), key: 'id' })
const other = topic('other', { schema: z.object({ id: z.string() }), key: 'id' })
const server = await useGateway(defineConfig({ topics: [note] }).contract)
const redis = await useConnection(server.redis.url)
const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup()
})

async function publish(): Promise<{ readonly status: number; readonly code: string | undefined }> {
  const body = JSON.stringify({ topic: 'note', data: { id: 'a' } })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })
  const { error } = (await response.json()) as { error?: { code: string } }
  return { status: response.status, code: error?.code }
}

it('B-CONTRACT-9 a gateway that seemed dead while another contract came in stores nothing more, and says why', async () => {
  expect(await publish()).toEqual({ status: 200, code: undefined })
  // As if it slept: nobody sees it alive.
  const asleep = setInterval(() => void redis.hset(keys.contractLive, '0', '1'), 5)
  const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w', log: () => {} }
  const worker = await startWorker(settings, defineConfig({ topics: [other] }).contract).finally(() =>
    clearInterval(asleep),
  )
  cleanups.push(() => worker.close({ deadlineMs: 1_000 }))
  const { message } = await server.gateway.failed
  expect(message).toMatch(
    /^Other processes run contract \S+, this one has \S+: .*other.*The two cannot run side by side\./,
  )
  expect(await publish()).toEqual({ status: 503, code: 'unavailable' })
})
