import { createClient } from '@tidegate/client/node'
import { parsePosition } from '@tidegate/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import type { Defect } from '../../src/observability/defects.ts'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'
import { useConnection } from '../support/use-redis.ts'

const TOPIC = 'sensor.reading'
const server = await useGateway()
const redis = await useConnection(server.redis.url)

beforeEach(() => {
  ;(server.defects as Defect[]).length = 0
})

interface Delivered {
  readonly type: string
  readonly parts?: readonly { readonly events: readonly { readonly data: { readonly temperature: number } }[] }[]
}

/** What a client got of events and gaps, in order: temperatures, and `gap` for those of all lanes. */
const received = (client: RawClient) =>
  (client.frames as unknown as Delivered[])
    .flatMap<string | number>(({ type, parts = [] }) =>
      type === 'gap' ? ['gap'] : parts.flatMap(({ events }) => events.map(({ data }) => data.temperature)),
    )
    .filter((each, i, all) => each !== 'gap' || all[i - 1] !== 'gap')

describe('a record batch that cannot be read', () => {
  it('D-TAIL-9 is a gap for those who read it, and everything around it is delivered', async () => {
    const publisher = createClient({ url: server.url })
    const publish = async (temperature: number) =>
      (await publisher.publish(TOPIC, [readingOf('s-1', temperature)])).at[0]!
    const live = await RawClient.greeted(server.port)
    live.send({ type: 'subscribe', sub: 1, topic: TOPIC, keys: ['s-1'] })
    await live.next('subscribed')

    const { partition, epoch } = parsePosition(await publish(1))!
    await expect.poll(() => received(live)).toEqual([1])
    const log = keys.log(partition, TOPIC)
    for (const header of ['{', '{"k":["s-1"],"t":[1],"b":[7],"l":"l","s":[0]}']) {
      await redis.xadd(log, '*', 'e', epoch, 'h', header, 'd', '{"id":"e"}')
    }
    await publish(2)
    await expect.poll(() => received(live)).toEqual([1, 'gap', 2])

    const late = await RawClient.greeted(server.port)
    late.send({ type: 'subscribe', sub: 1, topic: TOPIC, keys: ['s-1'], from: 'earliest' })
    await expect.poll(() => received(late)).toEqual([1, 'gap', 2])
    expect(server.defects.length).toBeGreaterThan(0)
    expect(server.defects.every(({ where }) => where.startsWith('record batch'))).toBe(true)

    live.close()
    late.close()
    await publisher.close({ deadlineMs: 1_000 })
  })
})
