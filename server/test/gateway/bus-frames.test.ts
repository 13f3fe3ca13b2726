import { type BusChange, createClient } from '@tidegate/client/node'
import { expect, it } from 'vitest'
import { until } from '../delivery/support.ts'
import { readingOf } from '../support/contract.ts'
import { startTestGateway } from '../support/gateway.ts'

it('G-BUS-1 C-BUS-1 clients are told when Redis hangs and when it answers again, and lose nothing by it', async () => {
  const server = await startTestGateway()
  const client = createClient({ url: server.url })
  const changes: BusChange[] = []
  client.onBus((change) => changes.push(change))
  const got: string[] = []
  const subscription = client.subscribe('sensor.reading', {}, ({ id }) => got.push(id))
  try {
    await subscription.ready
    await client.publish('sensor.reading', { id: 'before', ...readingOf('s-1') })
    process.kill(server.redis.pid, 'SIGSTOP')
    const during = Array.from({ length: 20 }, (_, i) =>
      client.publish('sensor.reading', { id: `during-${i}`, ...readingOf('s-1') }),
    )
    await until(
      () => changes.some(({ class: busClass, state }) => busClass === 'append' && state === 'open'),
      'open',
      6_000,
    )
    const late = createClient({ url: server.url, connect: true })
    const told: BusChange[] = []
    late.onBus((change) => told.push(change))
    await until(() => told.some(({ class: busClass }) => busClass === 'append'), 'who comes later told')
    await late.close({ deadlineMs: 0 })
    expect(changes[0]).toMatchObject({ retryAfterMs: expect.any(Number), since: expect.any(Number) })
    process.kill(server.redis.pid, 'SIGCONT')
    await Promise.all(during)
    await until(
      () => changes.some(({ class: busClass, state }) => busClass === 'append' && state === 'closed'),
      'closed',
    )
    await until(() => got.length === 21, 'all events', 10_000)
    expect(new Set(got).size).toBe(21)
    expect(subscription.gaps).toBe(0)
    const appends = changes.filter(({ class: busClass }) => busClass === 'append').map(({ state }) => state)
    expect(appends).toEqual(['open', 'closed'])
  } finally {
    process.kill(server.redis.pid, 'SIGCONT')
    await client.close({ deadlineMs: 100 })
    await server.close()
  }
})
