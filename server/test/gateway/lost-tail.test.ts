import { createClient } from '@tidegate/client/node'
import { describe, expect, it } from 'vitest'
import { keys } from '../../src/bus/keys.ts'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

const TOPIC = 'sensor.reading'
const server = await useGateway()

async function publishRaw(id: string): Promise<string> {
  const body = JSON.stringify({ topic: TOPIC, id, ...readingOf('s-1') })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/events`, { method: 'POST', headers, body })
  const { at } = (await response.json()) as { at: string[] }
  return at[0]!
}

async function storedIds(partition: number): Promise<string[]> {
  const response = await fetch(`${server.url}/v1/history?topic=${TOPIC}&partition=${partition}`)
  return ((await response.json()) as { events: { id: string }[] }).events.map(({ id }) => id)
}

async function history(after: string): Promise<{ events: { id: string }[]; complete: boolean }> {
  const response = await fetch(`${server.url}/v1/history?topic=${TOPIC}&after=${after}`)
  return (await response.json()) as { events: { id: string }[]; complete: boolean }
}

const epochOf = (at: string) => at.slice(0, at.indexOf('/'))

/** Subscribes behind a position, alone in its lane. */
async function resumed(at: string): Promise<RawClient> {
  const client = await RawClient.greeted(server.port)
  client.send({
    type: 'subscribe',
    sub: 1,
    topic: TOPIC,
    lanes: ['low'],
    from: { positions: { [TOPIC]: { low: [at] } } },
  })
  return client
}

/** The frames of the subscription until an event with the id came. */
async function until(client: RawClient, id: string): Promise<string[]> {
  const has = () => client.frames.some((frame) => JSON.stringify(frame).includes(`"id":"${id}"`))
  await expect.poll(has, { timeout: 5_000 }).toBe(true)
  return client.frames.filter(({ type }) => type === 'gap' || type === 'batch').map(({ type }) => type)
}

describe('a tail that Redis lost while nobody was there to notice', () => {
  it('B-LINEAGE-7 I-EPOCH-3 C-KEEP-3 is stored again by the client that was acknowledged', async () => {
    const client = createClient({ url: server.url })
    await client.publish(TOPIC, { id: 'kept', ...readingOf('s-1') })
    const logBytes = await server.redis.logBytes()
    const lost = Array.from({ length: 10 }, (_, i) => `lost-${i}`)
    for (const id of lost) await client.publish(TOPIC, { id, ...readingOf('s-1') })
    await server.powerCut({ logBytes })
    const { at } = await client.publish(TOPIC, { id: 'after', ...readingOf('s-1') })
    expect(await storedIds(Number.parseInt(at[0]!, 10))).toEqual(['kept', ...lost, 'after'])
    await client.close({ deadlineMs: 1_000 })
  })

  it('B-LINEAGE-7 D-RESUME-9 is told to whoever resumes behind it, also when the log has grown beyond it', async () => {
    await publishRaw('kept-2')
    const logBytes = await server.redis.logBytes()
    const lost = await publishRaw('lost-2')
    await server.powerCut({ logBytes })
    const grown = await publishRaw('grown')
    expect(epochOf(grown)).toBe(epochOf(lost))
    const client = await resumed(lost)
    expect((await client.next('subscribed')).recovered).toBe(false)
    const next = await publishRaw('next')
    expect(epochOf(next)).not.toBe(epochOf(lost))
    // What was stored before it was noticed is of the old epoch, and may be what was lost.
    expect(await until(client, 'next')).toEqual(['gap', 'batch', 'gap', 'batch'])
    client.close()
  })

  it('D-RESUME-9 a position that is there resumes without a gap after a restart of Redis', async () => {
    const at = await publishRaw('last')
    await server.powerCut({ logBytes: await server.redis.logBytes() })
    const client = await resumed(at)
    expect((await client.next('subscribed')).recovered).toBe(true)
    const next = await publishRaw('next-2')
    expect(epochOf(next)).toBe(epochOf(at))
    expect(await until(client, 'next-2')).toEqual(['batch'])
    client.close()
  })

  it('D-RESUME-9 B-LINEAGE-7 a position that never was makes no epoch, but a gap for who named it', async () => {
    const logBytes = await server.redis.logBytes()
    await publishRaw('gone')
    await server.powerCut({ logBytes })
    // An epoch that began under the present identity: nothing of it can be lost.
    const lost = await resumed((await publishRaw('known')).replace(/\/\d+/, '/1'))
    await lost.next('subscribed')
    lost.close()
    const at = await publishRaw('real')
    const client = await resumed(at.replace(/\/(\d+)/, (_, ms: string) => `/${Number(ms) + 1_000_000}`))
    expect((await client.next('subscribed')).recovered).toBe(false)
    const next = await publishRaw('next-3')
    expect(epochOf(next)).toBe(epochOf(at))
    expect((await until(client, 'next-3'))[0]).toBe('gap')
    client.close()
  })

  it('Q-HISTORY-1 is told to whoever reads history behind it, over HTTP and over the socket', async () => {
    const kept = await publishRaw('kept-4')
    expect(await history(kept)).toMatchObject({ events: [], complete: true })
    const logBytes = await server.redis.logBytes()
    const lost = await publishRaw('lost-4')
    await server.powerCut({ logBytes })
    expect(await history(lost)).toMatchObject({ events: [], complete: false })
    const client = await resumed(lost)
    await client.next('subscribed')
    const next = await publishRaw('next-4')
    expect(epochOf(next)).not.toBe(epochOf(lost))
    for (const after of [kept, lost]) {
      const { events, complete } = await history(after)
      expect([events.map(({ id }) => id), complete]).toEqual([['next-4'], false])
    }
    expect(await history(next)).toMatchObject({ events: [], complete: true })
    const ask = async (params: object) => {
      client.send({ type: 'query', id: 1, name: 'history', params: { topic: TOPIC, ...params } })
      return client.next('result')
    }
    expect(await ask({ after: kept })).toMatchObject({ data: [{ id: 'next-4' }], complete: false })
    expect(await ask({ after: next })).toMatchObject({ data: [], complete: true })
    client.close()
  })
})

describe('a loss whose change of epoch is lost as well', () => {
  it('B-LINEAGE-10 D-TAIL-8 repeats nothing that was delivered before, behind a gap', async () => {
    const stored = await publishRaw('kept-5')
    const logBytes = await server.redis.logBytes()
    const client = await resumed(stored)
    await client.next('subscribed')
    let attempts = 0
    const publishAgain = async () => {
      const at = await publishRaw(`${++attempts}`).catch(() => undefined)
      return at && epochOf(at)
    }
    const before = epochOf(stored)
    await publishAgain()
    for (let losses = 0; losses < 2; losses++) {
      await until(client, `${attempts}`)
      await server.redis.restart({ logBytes })
      await expect.poll(publishAgain).toMatch(/@/)
    }
    await until(client, `${attempts}`)
    expect(await publishAgain()).not.toBe(before)
    const parts = client.frames.flatMap((frame) => (frame as { parts?: { events: { id: string }[] }[] }).parts ?? [])
    const told = parts.flatMap(({ events }) => events.map(({ id }) => id))
    expect(told).not.toContain('kept-5')
    expect(told).toEqual([...new Set(told)])
    client.close()
  })
})

describe('a loss whose change of epoch is lost with every process that knew it', () => {
  /** @returns the position of an event of an epoch that is lost then, with the change to it */
  async function loseEpoch(lost: string, publish: () => Promise<string>): Promise<string> {
    const logBytes = await server.redis.logBytes()
    const gone = await publishRaw(lost)
    await server.redis.restart({ logBytes })
    let at: string | undefined
    await expect
      .poll(async () => {
        at = await publish().catch(() => undefined)
        return at !== undefined && epochOf(at) !== epochOf(gone)
      })
      .toBe(true)
    // One that was sent once.
    at = await publish()
    await server.powerCut({ logBytes })
    return at
  }

  it('B-LINEAGE-11 D-RESUME-9 repeats nothing from before to who resumes behind it', async () => {
    const kept = await publishRaw('kept-6')
    let attempts = 0
    const at = await loseEpoch('lost-6', () => publishRaw(`again-6-${++attempts}`))
    const client = await resumed(at)
    expect((await client.next('subscribed')).recovered).toBe(false)
    const next = await publishRaw('next-6')
    expect([epochOf(kept), epochOf(at)]).not.toContain(epochOf(next))
    expect(await until(client, 'next-6')).toEqual(['gap', 'batch'])
    expect(JSON.stringify(client.frames)).not.toContain('kept-6')
    client.close()
    // Once for each restart of Redis.
    const other = await resumed(at)
    await other.next('subscribed')
    expect(epochOf(await publishRaw('last-6'))).toBe(epochOf(next))
    other.close()
  })

  it('B-LINEAGE-11 C-KEEP-3 is stored again by the client that was acknowledged, under the epoch from before too', async () => {
    const client = createClient({ url: server.url })
    const before = await client.publish(TOPIC, { id: 'first-z', ...readingOf('s-1') })
    const publish = async () => (await client.publish(TOPIC, { id: 'second-z', ...readingOf('s-1') })).at[0]!
    await loseEpoch('lost-z', publish)
    const { at } = await client.publish(TOPIC, { id: 'third-z', ...readingOf('s-1') })
    expect(epochOf(at[0]!)).not.toBe(epochOf(before.at[0]!))
    const stored = (await storedIds(Number.parseInt(at[0]!, 10))).filter((id) => id.endsWith('-z'))
    expect([...new Set(stored)]).toEqual(['first-z', 'second-z', 'third-z'])
    await client.close({ deadlineMs: 1_000 })
  })
})

describe('a position that retention has passed', () => {
  it('Q-HISTORY-1 begins behind what was trimmed, and says so', async () => {
    const first = await publishRaw('first')
    const second = await publishRaw('second')
    const third = await publishRaw('third')
    const [partition, streamId] = /^(\d+)@\w+\/(\d+-\d+)/.exec(second)!.slice(1)
    const redis = openCommandConnection(server.redis.url, 'test')
    await untilReady(redis, 5_000)
    expect(await history(first)).toMatchObject({ events: [{ id: 'second' }, { id: 'third' }], complete: true })
    await redis
      .multi()
      .xtrim(keys.log(Number(partition), TOPIC), 'MINID', third.replace(/^.*\//, '').replace(/\.\d+$/, ''))
      .hset(keys.meta(Number(partition)), `trim:${TOPIC}`, streamId!)
      .exec()
    redis.disconnect()
    expect(await history(first)).toMatchObject({ events: [{ id: 'third' }], complete: false })
    expect(await history(third)).toMatchObject({ events: [], complete: true })
  })
})
