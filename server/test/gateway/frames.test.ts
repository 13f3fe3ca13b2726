import { CLOSE, LIMITS } from '@tidegate/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { readingOf } from '../support/contract.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway()
const clients: RawClient[] = []

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(server.port)
  clients.push(client)
  return client
}

async function greeted(hello?: object): Promise<RawClient> {
  const client = await RawClient.greeted(server.port, hello)
  clients.push(client)
  return client
}

/** What a valid publish on a new connection is answered: the process lives, whatever came before. */
async function expectStillServing(): Promise<void> {
  const client = await greeted()
  client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: [readingOf('s-1')] })
  expect(await client.next('ack')).toMatchObject({ seq: 1, at: [expect.any(String)] })
}

describe('frames', () => {
  it.each([
    ['text that is not JSON', 'hello?'],
    ['JSON that is not an object', '[1,2]'],
    ['an object without a type', '{"seq":1}'],
    ['binary garbage', Buffer.from([0, 255, 3, 200])],
    ['an empty frame', ''],
  ])('G-FRAME-1 answers %s with protocol_error and closes with 4500', async (_, garbage) => {
    for (const client of [await connect(), await greeted()]) {
      client.sendRaw(garbage)
      expect(await client.next('error')).toMatchObject({ code: 'protocol_error' })
      expect((await client.closed).code).toBe(CLOSE.protocol)
    }
    await expectStillServing()
  })

  it('G-FRAME-2 closes with 4503 on a frame over the limit, and cuts a far larger one', async () => {
    const client = await greeted()
    client.sendRaw(`{"type":"publish","seq":1,"topic":"sensor.reading","events":[${' '.repeat(LIMITS.frameBytes)}]}`)
    expect(await client.next('error')).toMatchObject({ code: 'frame_too_large' })
    expect((await client.closed).code).toBe(CLOSE.frameTooLarge)
    const other = await greeted()
    other.sendRaw('x'.repeat(10 * 1_048_576))
    expect([1006, 1009]).toContain((await other.closed).code)
    await expectStillServing()
  })

  it('G-FRAME-3 closes with 4501 on anything before hello, and 4502 on another version', async () => {
    const client = await connect()
    client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: [readingOf('s-1')] })
    expect(await client.next('error')).toMatchObject({ code: 'hello_expected' })
    expect((await client.closed).code).toBe(CLOSE.helloExpected)
    const other = await connect()
    other.send({ type: 'hello', protocol: 2, client: 'test' })
    expect(await other.next('error')).toMatchObject({ code: 'version_unsupported' })
    expect((await other.closed).code).toBe(CLOSE.version)
  })

  it('G-FRAME-4 answers unknown types with error and stays connected', async () => {
    const client = await greeted()
    client.send({ type: 'dance', id: 4 })
    expect(await client.next('error')).toMatchObject({ code: 'unknown_type', id: 4 })
    client.send({ type: 'query', id: 6, name: 'topics' })
    expect(await client.next('result')).toMatchObject({ id: 6 })
  })

  it('G-FRAME-5 answers a bad field on what it belongs to, and ignores fields it does not know', async () => {
    const client = await greeted()
    client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: 'none' })
    expect(await client.next('reject')).toMatchObject({
      seq: 1,
      code: 'invalid_frame',
      message: expect.stringContaining('events'),
    })
    client.send({ type: 'subscribe', sub: 2, topic: 'Sensor!' })
    expect(await client.next('error')).toMatchObject({ sub: 2, code: 'invalid_frame' })
    client.send({
      type: 'subscribe',
      sub: 3,
      topic: 'sensor.reading',
      from: { positions: { 'sensor.reading': { low: ['x'] } } },
    })
    expect(await client.next('error')).toMatchObject({ sub: 3, code: 'invalid_frame' })
    client.send({ type: 'query', id: 7 })
    expect(await client.next('error')).toMatchObject({ id: 7, code: 'invalid_frame' })
    client.send({ type: 'query', id: 8, name: 'nothing', colour: 'blue' })
    expect(await client.next('error')).toMatchObject({ id: 8, code: 'unknown_query' })
  })

  it('G-FRAME-7 a name with a lone surrogate is a bad field, wherever one is read', async () => {
    const lone = '\ud800x'
    const client = await greeted()
    client.send({ type: 'publish', seq: 1, topic: lone, events: [{}] })
    expect(await client.next('reject')).toMatchObject({ seq: 1, code: 'invalid_frame' })
    client.send({ type: 'subscribe', sub: 2, topic: 'sensor.reading', keys: ['a', lone] })
    expect(await client.next('error')).toMatchObject({ sub: 2, code: 'invalid_frame' })
    client.send({ type: 'subscribe', sub: 3, topic: 'sensor.reading', where: `key == "${lone}"` })
    expect(await client.next('error')).toMatchObject({ sub: 3, code: 'invalid_filter' })
    client.send({ type: 'query', id: 4, name: 'window', params: { name: 'sensor.reading', key: lone } })
    expect(await client.next('error')).toMatchObject({ id: 4, code: 'invalid_frame' })
    const gap = { topic: 'sensor.reading', lane: 'low', upTo: '0@1/1-0.0' }
    client.send({ type: 'query', id: 5, name: 'gap', params: { ...gap, keys: [lone] } })
    expect(await client.next('error')).toMatchObject({ id: 5, code: 'invalid_frame' })
    const other = await connect()
    other.send({ type: 'hello', protocol: 1, client: 'test', producer: lone, session: 1 })
    expect(await other.next('error')).toMatchObject({ code: 'hello_expected' })
  })

  it('G-FRAME-8 topics and positions are bounded wherever a frame names them', async () => {
    const long = 'a'.repeat(129)
    const at = '0@1/1-0.0'
    for (const topic of [long, '', '\ud800x']) {
      const other = await connect()
      other.send({ type: 'hello', protocol: 1, client: 'test', acked: [{ topic, at }] })
      const { code, message } = await other.next('error')
      expect([code, message]).toEqual(['hello_expected', expect.stringContaining('acked')])
    }
    const client = await greeted()
    const vectors = [{ [long]: { low: [at] } }, { 'sensor.reading': { low: Array.from({ length: 1_025 }, () => at) } }]
    for (const positions of vectors) {
      client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading', from: { positions } })
      const { code, message } = await client.next('error')
      expect([code, message]).toEqual(['invalid_frame', expect.stringContaining('from.positions')])
    }
  })

  it('G-FRAME-5 takes a batch option of whole numbers within the limits', async () => {
    const client = await greeted()
    const wrong = [1, {}, { maxMs: -1 }, { maxMs: 10_001 }, { maxMs: 5, maxEvents: 0 }, { maxMs: '5' }]
    for (const batch of wrong) {
      client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading', batch })
      expect(await client.next('error')).toMatchObject({ sub: 1, code: 'invalid_frame' })
    }
    client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading', batch: { maxMs: 10_000, maxEvents: 3 } })
    await client.next('subscribed')
    const events = (count: number) => Array.from({ length: count }, () => readingOf('s-batch'))
    client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events: events(2) })
    await client.next('ack')
    client.send({ type: 'publish', seq: 2, topic: 'sensor.reading', events: events(1) })
    const { parts } = (await client.next('batch')) as unknown as { parts: { events: unknown[] }[] }
    expect(parts.map((part) => part.events.length)).toEqual([3])
  })

  it('G-FRAME-6 refuses options it does not serve on a topic', async () => {
    const client = await greeted()
    client.send({ type: 'subscribe', sub: 1, topic: 'sensor.reading', snapshot: true })
    expect(await client.next('error')).toMatchObject({ sub: 1, code: 'unsupported' })
  })
})

describe('publishing', () => {
  it('G-PUBLISH-1 stores the good events of a mixed frame and lists the bad ones', async () => {
    const client = await greeted()
    const tenYearsAhead = { ...readingOf('s-2'), time: Date.now() + 10 * 365 * 86_400_000 }
    const events = [readingOf('s-1'), tenYearsAhead, { data: { sensorId: 's-3' } }, readingOf('k'.repeat(10_240))]
    client.send({ type: 'publish', seq: 1, topic: 'sensor.reading', events })
    expect(await client.next('ack')).toMatchObject({
      seq: 1,
      at: [expect.any(String)],
      rejected: [
        { index: 1, code: 'time_in_future', path: 'time' },
        { index: 2, code: 'invalid_data', path: 'temperature' },
        { index: 3, code: 'key_too_long', path: 'sensorId' },
      ],
    })
  })

  it('G-PUBLISH-2 rejects a frame that is empty, too long, or for a topic that takes none', async () => {
    const client = await greeted()
    const tooMany = Array.from({ length: LIMITS.frameEvents + 1 }, () => ({}))
    const frames = [
      ['sensor.reading', [], 'empty_frame'],
      ['sensor.reading', tooMany, 'too_many_events'],
      ['sensor.unknown', [readingOf('s-1')], 'unknown_topic'],
      ['sensor.hot', [readingOf('s-1')], 'not_publishable'],
    ] as const
    for (const [seq, [topic, events, code]] of frames.entries()) {
      client.send({ type: 'publish', seq, topic, events })
      const reject = await client.next('reject')
      expect(reject).toMatchObject({ seq, code })
      expect(reject).not.toHaveProperty('retryAfterMs')
    }
  })

  it('G-PUBLISH-3 rejects frames beyond the grant as retryable and loses none of the others', async () => {
    const client = await greeted({ producer: 'flood', session: 1 })
    const total = 200
    // Otherwise frames may be acknowledged as fast as they come.
    process.kill(server.redis.pid, 'SIGSTOP')
    try {
      for (let seq = 1; seq <= total; seq++) {
        client.send({ type: 'publish', seq, topic: 'sensor.reading', events: [readingOf(`s-${seq}`)] })
      }
      await expect.poll(() => client.frames.some(({ type }) => type === 'reject'), { interval: 5 }).toBe(true)
    } finally {
      process.kill(server.redis.pid, 'SIGCONT')
    }
    let answered = 0
    const retry: number[] = []
    while (answered < total) {
      answered = client.frames.filter(({ type }) => type === 'ack' || type === 'reject').length
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    for (const frame of client.frames) {
      if (frame.type === 'reject') {
        expect(frame).toHaveProperty('retryAfterMs')
        retry.push(frame.seq as number)
      }
    }
    expect(retry.length).toBeGreaterThan(0)
    // From the lowest rejected one on, everything was rejected: nothing overtook it.
    expect(retry).toEqual(Array.from({ length: total - retry[0]! + 1 }, (_, i) => retry[0]! + i))
  })
})
