import { describe, expect, test } from 'vitest'
import { type Peer, until } from './support/scripted-server.ts'
import { grant, part, TOPIC, vector } from './support/subscription-frames.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
const { open } = used

describe('snapshot', () => {
  test('C-SNAP-1 C-SNAP-2 is handed on beside the vector; broken off it is asked for anew, whole it is not', async () => {
    const client = open()
    const seen: [string, boolean][] = []
    const subscription = client.subscribe(TOPIC, { snapshot: true }, ({ id, snapshot = false }) =>
      seen.push([id, snapshot]),
    )
    let synced = false
    void subscription.synced.then(() => {
      synced = true
    })
    const begin = async (peer: Peer) => {
      const asked = await peer.take('subscribe')
      const { sub } = asked
      const grantOf = { sub, positions: vector('0@e/5-0.999999'), recovered: true, onSlow: 'drop-oldest' } as const
      peer.send({ type: 'subscribed', ...grantOf, snapshot: true })
      peer.send({ type: 'batch', parts: [{ ...part(sub, 3), snapshot: 'more' }] })
      return asked
    }
    const first = await used.server.greeted()
    await begin(first)
    await until(() => seen.length === 1, 'the beginning')
    first.socket.terminate()
    const second = await used.server.greeted()
    const again = await begin(second)
    expect(again).toMatchObject({ snapshot: true })
    expect(again).not.toHaveProperty('from')
    await until(() => seen.length === 2, 'the beginning again')
    expect(synced).toBe(false)
    second.send({ type: 'batch', parts: [{ ...part(again.sub, 7), snapshot: 'end' }] })
    second.send({ type: 'batch', parts: [part(again.sub, 6, 8)] })
    await until(() => seen.length === 5, 'the rest')
    expect(seen.slice(2)).toEqual([
      ['e7', true],
      ['e6', false],
      ['e8', false],
    ])
    expect([synced, subscription.delivered]).toEqual([true, 2])
    second.socket.terminate()
    const resumed = await (await used.server.greeted()).take('subscribe')
    expect(resumed).toMatchObject({ snapshot: true, from: { positions: vector('0@e/8-0.0') } })
  })

  test('C-SNAP-3 is asked for again after a gap that nobody can fill', async () => {
    const client = open()
    const peer = await used.server.greeted()
    client.subscribe(TOPIC, { snapshot: true }, () => {})
    const { sub } = await grant(peer)
    const gap = { topic: TOPIC, lane: 'low', count: null } as const
    peer.send({ type: 'gap', sub, ...gap, upTo: '0@e/5-0.0', count: 4, reason: 'overflow', fetchable: true })
    peer.send({ type: 'gap', sub, ...gap, upTo: '0@f/2-0.999999', reason: 'epoch', fetchable: false })
    expect(await peer.take('unsubscribe')).toMatchObject({ sub })
    const again = await peer.take('subscribe')
    expect(again).toMatchObject({ sub, snapshot: true })
    expect(again).not.toHaveProperty('from')
  })
})
