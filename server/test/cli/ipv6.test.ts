import { networkInterfaces } from 'node:os'
import { createClient } from '@tidegate/client/node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startGateway } from '../../src/gateway-app.ts'
import { startWorker } from '../../src/worker-app.ts'
import { PATIENT_APPEND_MS } from '../support/bus.ts'
import { runCommand } from '../support/command-line.ts'
import { contract, readingOf } from '../support/contract.ts'
import { DELIVERY_LIMITS } from '../support/delivery-limits.ts'
import { command, freePort, startTestRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/tidegate-process.ts'

const PARTITIONS = 2
const TOPIC = 'sensor.reading'
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

/** Undone after each test, last first. */
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  vi.unstubAllEnvs()
})

async function redisOn(...options: readonly string[]): Promise<TestRedis> {
  // The test itself looks at it over IPv4.
  const redis = await startTestRedis(['--bind', '127.0.0.1', '::1', ...options])
  cleanups.push(() => redis.close())
  return redis
}

async function clusterOfOne(): Promise<string> {
  const busPort = await freePort()
  const announced = ['--cluster-announce-ip', '::1']
  const node = await redisOn('--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, ...announced)
  await command(node.url, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  const state = () => command(node.url, 'CLUSTER', 'INFO')
  await until(async () => String(await state()).includes('cluster_state:ok'), 'a cluster that serves')
  return `redis+cluster://[::1]:${node.port}`
}

describe.skipIf(!hasIpv6)('over IPv6', () => {
  it.each([
    ['one Redis', async () => `redis://[::1]:${(await redisOn()).port}`],
    ['a cluster', clusterOfOne],
  ])(
    'X-IPV6-1 %s - a client publishes and subscribes, commands look, and doctor finds nothing wrong',
    async (_, open) => {
      const redisUrl = await open()
      const worker = await startWorker({ redisUrl, partitions: PARTITIONS, workerId: 'w', log: () => {} }, contract)
      cleanups.push(() => worker.close({ deadlineMs: 2_000 }))
      const gateway = await startGateway(
        {
          ...{
            redisUrl,
            partitions: PARTITIONS,
            host: '::1',
            port: 0,
            sharedPort: false,
            node: 'gw',
            maxLagMs: 10_000,
          },
          ...{ delivery: DELIVERY_LIMITS, appendDeadlineMs: PATIENT_APPEND_MS, onDefect: () => {} },
        },
        contract,
      )
      cleanups.push(() => gateway.close({ deadlineMs: 100 }))
      const url = `http://[::1]:${gateway.port}`
      const client = createClient({ url })
      cleanups.push(() => client.close({ deadlineMs: 0 }))
      const came: string[] = []
      await client.subscribe(TOPIC, {}, ({ key }) => came.push(key)).ready
      await client.publish(TOPIC, readingOf('attic', 1))
      vi.stubEnv('REDIS_URL', redisUrl)
      vi.stubEnv('TIDEGATE_HOST', '::1')
      vi.stubEnv('TIDEGATE_PORT', `${gateway.port}`)
      vi.stubEnv('TIDEGATE_PARTITIONS', `${PARTITIONS}`)
      const publish = ['publish', TOPIC, '--data', JSON.stringify(readingOf('cellar', 2).data)]
      expect(await runCommand(...publish)).toEqual({ code: 0, out: '1 stored, 0 refused\n', err: '' })
      expect(await runCommand(...publish, '--url', url)).toMatchObject({ code: 0 })
      await expect.poll(() => came.sort()).toEqual(['attic', 'cellar', 'cellar'])
      const status = async () => JSON.parse((await runCommand('status', '--json')).out)
      await expect.poll(status).toMatchObject({ gateways: [{ url }], workers: [{ worker: 'w' }] })
      const doctor = JSON.parse((await runCommand('doctor', '--json')).out)
      const errors = doctor.examined.flatMap(({ findings }: { findings: { severity: string }[] }) =>
        findings.filter(({ severity }) => severity === 'error'),
      )
      expect(errors).toEqual([])
    },
  )
})
