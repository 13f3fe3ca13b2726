import { CLOSE } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { relieveSockets, SocketMemory } from '../../src/delivery/socket-memory.ts'
import { parseLimits } from '../../src/limits/index.ts'
import { contract, readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

describe('memory of sockets that are not read', () => {
  it('D-BUDGET-3 closes those of the purse with the most of it, the largest first, and no more than it must', () => {
    const memory = new SocketMemory(1_000, () => {})
    const [hostile, other] = [{}, {}]
    const closed: [string, number][] = []
    const subscriber = (name: string, purse: object, unreadBytes: number) => {
      memory.changed(unreadBytes)
      return {
        purse,
        unreadBytes,
        end(code: number) {
          closed.push([name, code])
          memory.changed(-unreadBytes)
        },
      }
    }
    // One of another caller has more than any of the hostile ones, who have more together.
    const all = [
      subscriber('large', other, 300),
      ...[100, 250, 200, 250].map((bytes, i) => subscriber(`hostile-${i}`, hostile, bytes)),
      subscriber('idle', {}, 0),
    ]
    relieveSockets(memory, all)
    expect(closed).toEqual([['hostile-1', CLOSE.tooSlow]])
    expect(memory.usedBytes).toBe(850)
  })

  it('D-BUDGET-3 says whenever more comes than there is room for', () => {
    let exceeded = 0
    const memory = new SocketMemory(1_000, () => exceeded++)
    for (const bytes of [900, 100, 1, -500, 400]) memory.changed(bytes)
    expect([exceeded, memory.usedBytes]).toEqual([1, 901])
  })
})

const limits = parseLimits('gateway.unreadBytes=1000000')
const server = await useGateway(contract, { limits })

it('D-BUDGET-3 clients that ask and never read are closed, and others stay', async () => {
  const padded = Array.from({ length: 900 }, (_, i) => ({
    topic: 'sensor.reading',
    id: `${i}`.padEnd(100, 'x'),
    ...readingOf('attic'),
  }))
  const headers = { 'content-type': 'application/json' }
  const stored = await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body: JSON.stringify(padded) })
  expect(stored.status).toBe(200)
  const reader = await RawClient.greeted(server.port)
  const deaf = await Promise.all([1, 2, 3].map(() => RawClient.greeted(server.port)))
  for (const client of deaf) client.pause()
  let id = 0
  const metrics = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const numberAt = (name: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(name))
          ?.split(' ')[1],
      )
    return {
      unread: numberAt('tidegate_held_bytes{of="sockets"}'),
      open: numberAt('tidegate_connections{kind="websocket"}'),
    }
  }
  let most = 0
  const ask = { type: 'query', name: 'history', params: { topic: 'sensor.reading', key: 'attic', limit: 900 } }
  await expect
    .poll(
      async () => {
        for (const client of deaf) for (let i = 0; i < 3; i++) client.send({ ...ask, id: id++ })
        const { unread, open } = await metrics()
        most = Math.max(most, unread)
        return open
      },
      { timeout: 20_000, interval: 5 },
    )
    .toBeLessThan(4)
  expect(most).toBeGreaterThan(0)
  reader.send({ ...ask, id: 1 })
  expect(await reader.next('result')).toMatchObject({ id: 1 })
  // Answers that were asked for before still come, and are written before it closes more of them.
  await expect.poll(async () => (await metrics()).unread).toBeLessThanOrEqual(1_000_000)
  for (const client of [reader, ...deaf]) client.close()
})
