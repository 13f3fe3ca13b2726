import { CLOSE } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { parseLimits, parseTrustedProxies } from '../../src/limits/index.ts'
import { RawClient } from '../support/raw-client.ts'
import { useGateway } from '../support/use-gateway.ts'

/** A share is used up by the first frame, and grows by a millisecond a second. */
const { port, url } = await useGateway(undefined, {
  // The test is the proxy: floods have an address of their own. Whoever comes from this machine has no share.
  trustedProxies: parseTrustedProxies('127.0.0.1'),
  limits: parseLimits('address.work=1,address.frames=off'),
})

const FLOOD = { 'x-forwarded-for': '203.0.113.1' }
const query = (id: number) => ({ type: 'query', id, name: 'none' })
const refusals = async () => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^tidegate_limited_total\{.*limit="address.work".*\} (\d+)/m.exec(text)?.[1] ?? 0)
}

/** Asks one question after the other, and says how many were answered meanwhile. */
function keepAsking(client: RawClient) {
  let answered = 0
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      client.send(query(answered))
      await client.next('error')
      answered++
    }
  })()
  return {
    async stop() {
      isOver = true
      await asking
      return answered
    },
  }
}

async function floodUntilClosed(): Promise<object> {
  const flood = await RawClient.greeted(port, {}, FLOOD)
  let isOpen = true
  const closed = flood.closed.then(({ code, reason }) => {
    isOpen = false
    return { code, ...JSON.parse(reason) }
  })
  while (isOpen) {
    for (let id = 0; id < 300; id++) flood.send(query(id))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return closed
}

describe('shares of the event loop', () => {
  it('G-SHARE-6 who is alone has all of it', async () => {
    const client = await RawClient.greeted(port, {}, FLOOD)
    for (let id = 0; id < 300; id++) client.send(query(id))
    for (let id = 0; id < 300; id++) await client.next('error')
    expect(await refusals()).toBe(0)
    client.close()
  })

  it('G-SHARE-1 G-SHARE-2 G-SHARE-4 a flood waits while another is answered, is closed, and for a while may not come back', async () => {
    const good = await RawClient.greeted(port)
    const asking = keepAsking(good)
    expect(await floodUntilClosed()).toEqual({ code: CLOSE.overload, retryAfterMs: expect.any(Number) })
    // It may be closed before it is a second behind its share, and comes back until it is.
    let refusal: Error | undefined
    while (refusal === undefined) {
      await floodUntilClosed().catch((error) => {
        refusal = error
      })
    }
    expect(refusal.message).toContain('429')
    const refused = await fetch(`${url}/v1/topics`, { headers: FLOOD })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await asking.stop()).toBeGreaterThan(1)
    expect((await fetch(`${url}/v1/topics`)).status).toBe(200)
    expect(await refusals()).toBeGreaterThan(1)
    good.close()
  })
})
