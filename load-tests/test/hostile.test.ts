import { createClient } from '@tidegate/client/node'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { Log } from '../../server/src/bus/log/log.ts'
import { SubscriptionStarter } from '../../server/src/delivery/subscription/subscription-starter.ts'
import { parseLimits } from '../../server/src/limits/index.ts'
import { startTestGateway } from '../../server/test/support/gateway.ts'
import { attackNamed } from '../src/hostile/attacks.ts'
import config from '../src/hostile/hostile.config.ts'
import { pause } from '../src/hostile/scenario.ts'

const ATTACK_MS = 500
/** Between two steps of each attacker: they share the process with the gateway. */
const STEP_MS = 40
/** Small, so that they are exceeded within the time of an attack; without a share of the event loop, which would be used up first. */
const LIMITS = {
  'address.starts': 100,
  'address.reads': 200_000,
  'address.bytes': 4_000_000,
  'address.frames': 5_000,
  'address.refusals': 100,
}
const PARTITIONS = 4
const READ_BYTES = 16_384
/** One after the other: what one of them has overdrawn still counts for the next. */
const NAMES = ['queries', 'subscribe-churn', 'never-readers', 'requests', 'tiny-chunks', 'endless-chunks']

const limits = Object.entries(LIMITS).map(([name, value]) => `${name}=${value}`)
const server = await startTestGateway(config.contract, {
  limits: parseLimits(['loopback=on', 'address.work=off', ...limits].join()),
})
afterAll(() => server.close())

describe('hostile clients', () => {
  it('G-LIMIT-8 G-LIMIT-9 G-LIMIT-10 cost no more work and memory than their address may, and nothing of another client is lost', async () => {
    const plans = vi.spyOn(SubscriptionStarter.prototype, 'plan')
    const reads = vi.spyOn(Log.prototype, 'page')
    const before = process.memoryUsage.rss()
    const startedAt = performance.now()
    const good = createClient({ url: server.url })
    const got: number[] = []
    await good.subscribe('hostile.load', {}, (event) => got.push((event.data as { value: number }).value)).ready
    let next = 0
    const publishing = setInterval(() => {
      good.publish('hostile.load', [{ data: { key: 'good', value: next++ } }]).catch(() => {})
    }, 50)
    for (const name of NAMES) {
      const until = performance.now() + ATTACK_MS
      await attackNamed(name).run({ port: server.port, until, keepPace: () => pause(STEP_MS) })
    }
    clearInterval(publishing)
    await expect.poll(() => got).toEqual(Array.from({ length: next }, (_, value) => value))
    const seconds = (performance.now() - startedAt) / 1_000
    // Twice where the past is looked up; one more may pass before each purse is empty.
    expect(plans.mock.calls.length * PARTITIONS).toBeLessThan(LIMITS['address.starts'] * (4 + seconds) + 100)
    expect(reads.mock.calls.length * READ_BYTES).toBeLessThan(LIMITS['address.reads'] * (2 + seconds) + 64 * READ_BYTES)
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 1_048_576)
    expect(server.defects).toEqual([])
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    for (const limit of ['address.starts', 'address.bytes', 'address.frames', 'address.refusals']) {
      expect(metrics).toContain(`limit="${limit}"`)
    }
    await good.close({ deadlineMs: 1_000 })
  })
})
