import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { startTestGateway } from '../../server/test/support/gateway.ts'
import { RawClient } from '../../server/test/support/raw-client.ts'
import { contract } from '../src/fuzz/contract.ts'
import { bodies } from '../src/fuzz/targets/bodies.ts'
import { frames } from '../src/fuzz/targets/frames.ts'

/** Beside the targets of the fuzz: those stop where Redis would be asked. */
const FRAMES = 1_500
const BODIES = 150
/** Frames of one connection. A bad `hello` or a frame that is no JSON ends it. */
const OF_A_CONNECTION = 25

const server = await startTestGateway(contract)
afterAll(() => server.close())

/** Sends frames until the connection ends, or a query behind them is answered. */
async function send(texts: readonly string[]): Promise<void> {
  const client = await RawClient.greeted(server.port)
  const last = 987_654
  for (const text of texts) client.sendRaw(text)
  client.send({ type: 'query', id: last, name: 'topics' })
  const isAnswered = () => client.frames.some(({ type, id }) => type === 'result' && id === last)
  let isClosed = false
  void client.closed.then(() => {
    isClosed = true
  })
  await expect.poll(() => isClosed || isAnswered(), { timeout: 10_000, interval: 5 }).toBe(true)
  client.close()
}

describe('fuzz of a gateway', () => {
  it('frames - whatever clients send, each is answered or ends its connection, and nothing else fails', async () => {
    const seed = Math.floor(Math.random() * 1_000_000_000)
    const texts = fc.sample(frames, { seed, numRuns: FRAMES })
    for (let from = 0; from < texts.length; from += OF_A_CONNECTION)
      await send(texts.slice(from, from + OF_A_CONNECTION))
    expect({ seed, defects: server.defects }).toEqual({ seed, defects: [] })
  }, 60_000)

  it('bodies - whatever is posted is answered, and nothing fails', async () => {
    const seed = Math.floor(Math.random() * 1_000_000_000)
    const codes = new Set<number>()
    for (const { headers, body } of fc.sample(bodies, { seed, numRuns: BODIES })) {
      if (Object.values(headers).some((value) => !/^[\t -~]{0,1000}$/.test(value))) continue
      const response = await fetch(`${server.url}/v1/events`, {
        method: 'POST',
        headers,
        body: Buffer.from(body, 'base64'),
      })
      codes.add(response.status)
      await response.text()
    }
    expect({ seed, defects: server.defects }).toEqual({ seed, defects: [] })
    expect(codes.has(500)).toBe(false)
  }, 60_000)
})
