import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createClient } from '@tidegate/client/node'
import { afterAll, describe, expect, it } from 'vitest'
import { startWorker } from '../../src/worker-app.ts'
import { RawClient } from '../support/raw-client.ts'
import { TidegateProcess } from '../support/tidegate-process.ts'
import { useGateway } from '../support/use-gateway.ts'
import config from './presence.config.ts'

const CONFIG = fileURLToPath(new URL('./presence.config.ts', import.meta.url))
const CONNECTIONS = 40

const server = await useGateway(config.contract)
const { url: redisUrl } = server.redis
const worker = await startWorker({ redisUrl, partitions: 4, workerId: 'w-1', log: () => {} }, config.contract)
afterAll(() => worker.close({ deadlineMs: 2_000 }))

async function join(port: number): Promise<RawClient> {
  const client = await RawClient.greeted(port)
  client.send({ type: 'subscribe', sub: 1, topic: 'room.message' })
  await client.next('subscribed')
  return client
}

describe('presence', () => {
  it('docs/presence.md - shows the config of this test', () => {
    const page = readFileSync(new URL('../../../docs/presence.md', import.meta.url), 'utf8')
    expect(page).toContain(readFileSync(CONFIG, 'utf8').replace('../../src/index.ts', 'tidegate'))
  })

  it('PRES-DEAD-1 everybody at a killed gateway has left within 3 s, each once, and nobody else', async () => {
    const other = new TidegateProcess(['gateway', '--port', '0', '--config', CONFIG], {
      ...{ REDIS_URL: redisUrl, TIDEGATE_PARTITIONS: '4' },
    })
    const client = createClient<typeof config>({ url: server.url })
    try {
      const { port } = await other.ready()
      const left: string[] = []
      const room = client.presence('room.message')
      room.onChange(({ subject, now }) => now === undefined && left.push(subject))
      await room.ready
      const present = () => [...room.present.keys()].sort()
      await Promise.all([join(server.port), join(server.port)])
      await expect.poll(() => present().length).toBe(2)
      const staying = present()
      await Promise.all(Array.from({ length: CONNECTIONS }, () => join(port!)))
      await expect.poll(() => present().length).toBe(2 + CONNECTIONS)

      const killedAt = performance.now()
      await other.stop('SIGKILL')
      await expect.poll(() => present().length, { interval: 10 }).toBe(2)
      const leftAfterMs = performance.now() - killedAt
      expect(leftAfterMs).toBeLessThan(3_000)
      expect(present()).toEqual(staying)
      expect(new Set(left).size).toBe(left.length)
      expect(left).toHaveLength(CONNECTIONS)
    } finally {
      await client.close({ deadlineMs: 0 })
      await other.stop('SIGKILL')
    }
  })
})
