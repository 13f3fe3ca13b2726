import { expect, it } from 'vitest'
import type { GatewayReport } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const { server, redis } = await useRedis()
const used = useBus(server, 1)
const REPORT = { url: 'http://127.0.0.1:8080', ready: true } as GatewayReport
const HOUR_MS = 3_600_000
const STEP_MS = 2_000

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

it.each([HOUR_MS, -HOUR_MS])(
  'B-GATEWAY-3 says how far the clock of a gateway is off, and counts by that of Redis',
  async (ms) => {
    const at = Date.now() + ms
    const until = Math.floor(at / STEP_MS) * STEP_MS
    await used.bus.gatewayEntry('g-1').renew({ ...REPORT, stored: { stepMs: STEP_MS, until, at, topics: {} } })
    const { clockAheadMs, stored } = (await used.bus.gateways()).get('g-1')!
    expect(Math.abs(clockAheadMs! - ms)).toBeLessThan(STEP_MS)
    expect(Math.abs(stored!.until + STEP_MS - Date.now())).toBeLessThan(3 * STEP_MS)
  },
)

it('B-GATEWAY-2 counts what a command has stored, once and at one gateway', async () => {
  await used.bus.leaveToCount(new Map([['a', 2]]))
  await used.bus.leaveToCount(
    new Map([
      ['a', 1],
      ['b', 40],
    ]),
  )
  expect(await redis.pttl(keys.uncounted)).toBeGreaterThan(0)
  const counted = new Map([
    ['a', 3],
    ['b', 40],
  ])
  const taken = await Promise.all(['g-1', 'g-2'].map((name) => used.bus.gatewayEntry(name).renew(REPORT)))
  expect(taken.filter(({ size }) => size > 0)).toEqual([counted])
  expect((await used.bus.gatewayEntry('g-1').renew(REPORT)).size).toBe(0)
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
