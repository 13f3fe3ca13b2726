import { expect, it } from 'vitest'
import type { GatewayReport } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis()
const used = useBus(server, 1)
const REPORT = { url: 'http://127.0.0.1:8080', ready: true } as GatewayReport
const HOUR_MS = 3_600_000

const names = async () => [...(await used.bus.gateways()).keys()]

it('B-GATEWAY-1 is known until it leaves', async () => {
  const entry = used.bus.gatewayEntry('g-1')
  await entry.renew(REPORT)
  expect(await used.bus.gateways()).toEqual(new Map([['g-1', REPORT]]))
  await entry.renew({ ...REPORT, ready: false })
  expect((await used.bus.gateways()).get('g-1')).toMatchObject({ ready: false })
  await entry.leave()
  expect(await names()).toEqual([])
  expect(await redis.exists(keys.gateway('g-1'))).toBe(0)
})

it.each([-6_000, HOUR_MS])('B-GATEWAY-1 no longer counts with a heartbeat %i ms away, and is forgotten', async (ms) => {
  await used.bus.gatewayEntry('g-1').renew(REPORT)
  await redis.zadd(keys.gateways, Date.now() + ms, 'g-1')
  expect(await names()).toEqual([])
  await used.bus.gatewayEntry('g-2').renew(REPORT)
  expect(await redis.zrange(keys.gateways, '0', '-1')).toEqual(['g-2'])
})

it('B-GATEWAY-1 is stored in a full Redis', async () => {
  await redis.config('SET', 'maxmemory', '1mb')
  try {
    await used.bus.gatewayEntry('g-1').renew(REPORT)
    expect(await names()).toEqual(['g-1'])
  } finally {
    await redis.config('SET', 'maxmemory', '0')
  }
})
