import { randomInt } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { COMMANDS_TOPIC, OUTBOX_HASH, partitionOf } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { shop, shopDefinitions } from '../entities/shop.ts'
import { EntityDeployment, type SentCommand } from '../support/entities.ts'
import { until } from '../support/tidegate-process.ts'
import { useBus, useRedis } from '../support/use-redis.ts'
import { useWorkers } from '../support/use-workers.ts'

const PARTITIONS = 4
const SKUS = ['tea', 'rice', 'salt', 'soap', 'oil']
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
const workers = useWorkers(server.url, PARTITIONS, shop.contract)
let deployment: EntityDeployment
let ids: number

beforeEach(() => {
  deployment = new EntityDeployment(opened.bus)
  ids = 0
})

const sent = (entity: string, key: string, command: string, input: object): SentCommand => ({
  ...{ id: `c-${ids++}`, key, entity, command, input },
})
const place = (key: string, sku: string, times = 1) => sent('order', key, 'place', { sku, n: 1, times })
const fill = (n: number) => SKUS.map((sku) => sent('stock', sku, 'fill', { n }))
const types = async (name: string, key: string) => (await deployment.trail(name, key)).map(({ type }) => type)
/** Once so many events have come to it. */
const reached = (key: string, events: number) =>
  until(async () => (await types('order', key)).length >= events, `${key} with ${events} events`)

async function outboxes(): Promise<number> {
  const sizes = Array.from({ length: PARTITIONS }, (_, partition) => redis.hlen(keys.owned(partition, OUTBOX_HASH)))
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

describe('reactions in a worker', () => {
  test('E-THEN-1 E-THEN-3 W-OUTBOX-1 a command follows to another partition, and its outcome comes back', async () => {
    await workers.start()
    await deployment.send([...fill(1), place('o-1', 'tea', 2)])
    await reached('o-1', 3)
    expect((await types('order', 'o-1')).sort()).toEqual(['placed', 'refused', 'reserved'])
    expect(await types('stock', 'tea')).toEqual(['filled', 'reserved'])
    await until(async () => (await outboxes()) === 0, 'empty outboxes')
  })

  test('W-OUTBOX-1 what an owner stored and has not sent is sent by the next, and what it sent is a duplicate', async () => {
    await workers.start()
    const target = partitionOf('tea', PARTITIONS)
    const order = ['o-1', 'o-2', 'o-3', 'o-4', 'o-5'].find((key) => partitionOf(key, PARTITIONS) !== target)!
    const source = partitionOf(order, PARTITIONS)
    await deployment.send([...fill(9), place(order, 'tea')])
    await reached(order, 2)
    await until(async () => (await outboxes()) === 0, 'empty outboxes')
    await workers.running[0]!.close({ deadlineMs: 2_000 })
    // As if it had ended before it noted that the message had arrived, and before it sent another one.
    const commands = await deployment.events(COMMANDS_TOPIC)
    const { id, key, data } = commands.find((command) => command.id.startsWith('then:'))!
    const message = { id, key, body: data as object }
    const clocks = JSON.parse((await redis.hget(keys.meta(source), 'clocks'))!)
    const { next } = clocks.outbox
    clocks.outbox.next = next + 1
    await redis.hset(keys.meta(source), 'clocks', JSON.stringify(clocks))
    const other = { ...message, id: 'then:other', body: { ...message.body, checksum: 'other' } }
    await redis.hset(
      keys.owned(source, OUTBOX_HASH),
      `${next - 1}`,
      JSON.stringify(message),
      `${next}`,
      JSON.stringify(other),
    )
    await workers.start()
    await reached(order, 3)
    await until(async () => (await outboxes()) === 0, 'empty outboxes')
    expect(await types('stock', 'tea')).toEqual(['filled', 'reserved', 'reserved'])
    expect((await deployment.events(COMMANDS_TOPIC)).filter((command) => command.id === id)).toHaveLength(1)
  })

  test('E-THEN-1 W-OUTBOX-1 whatever ends owners, each reaction happens once, and trails and states agree', async () => {
    const seed = randomInt(1_000_000)
    console.log(`seed ${seed}`)
    let state = seed
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    await workers.start()
    await deployment.send(fill(30))
    const orders = new Map<string, number>()
    for (let round = 0; round < 6; round++) {
      await deployment.send(placeSome(orders, `o-${round}`, random))
      if (round % 3 === 0) continue
      // Without a last commit: what was under way is in doubt.
      void workers.running.at(-1)!.close({ deadlineMs: 0 })
      await workers.start()
    }
    for (const [key, times] of orders) await reached(key, 1 + times)
    await expectOnce(orders)
  }, 60_000)

  test('W-OUTBOX-2 of what Redis has lost nothing is sent, and what it still has is', async () => {
    await workers.start()
    const [kept, lost, later] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()]
    await deployment.send([...fill(30), ...placeSome(kept, 'kept')])
    for (const key of kept.keys()) await reached(key, 1)
    const logBytes = await server.logBytes()
    await deployment.send(placeSome(lost, 'lost'))
    await server.restart({ logBytes })
    // As a gateway does: an owner without anything to commit looks no further.
    await untilAnswered(async () => {
      const logs = Array.from({ length: PARTITIONS }, (_, partition) => opened.bus.log(partition, 'query'))
      const epochs = await Promise.all(logs.map(async (log) => log.settle(await log.lineage(), [])))
      return epochs.every((epoch) => epoch !== undefined)
    })
    const placed = placeSome(later, 'later')
    await untilAnswered(async () => {
      // By then it may have been stored: its id says that it is the same.
      await deployment.send(placed)
      return true
    })
    for (const [key, times] of [...kept, ...later]) await reached(key, 1 + times)
    await expectOnce(new Map([...kept, ...later]))
    const reserved = (await Promise.all(SKUS.map((sku) => deployment.trail('stock', sku)))).flat()
    const ofLost = reserved.filter(({ data }) => `${(data as { order?: string }).order}`.startsWith('lost'))
    expect(ofLost).toEqual([])
  }, 60_000)
})

/** Until it holds of a Redis that may be away. */
function untilAnswered(isSo: () => Promise<boolean>): Promise<void> {
  return until(() => isSo().catch(() => false), 'an answer of Redis')
}

/** Orders of some reactions each. @param orders key -> how many */
function placeSome(orders: Map<string, number>, prefix: string, random = (below: number) => orders.size % below) {
  return Array.from({ length: 10 }, (_, i) => {
    const times = 1 + random(3)
    orders.set(`${prefix}-${i}`, times)
    return place(`${prefix}-${i}`, SKUS[random(SKUS.length)]!, times)
  })
}

/** Every reaction of these orders happened once, and what is stored is what its trail gives. */
async function expectOnce(orders: ReadonlyMap<string, number>): Promise<void> {
  const reserved = (await Promise.all(SKUS.map((sku) => deployment.trail('stock', sku)))).flat()
  for (const [key, times] of orders) {
    const trail = await types('order', key)
    expect([trail[0], trail.length]).toEqual(['placed', 1 + times])
    const ofOrder = reserved.filter(({ data }) => (data as { order?: string }).order === key)
    expect(ofOrder).toHaveLength(trail.filter((type) => type === 'reserved').length)
    const { stored, folded } = await deployment.states(shopDefinitions.get('order')!, key)
    expect(stored).toEqual(folded)
  }
  for (const sku of SKUS) {
    const { stored, folded } = await deployment.states(shopDefinitions.get('stock')!, sku)
    expect(stored).toEqual(folded)
  }
}
