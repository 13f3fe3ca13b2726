import { expect, it } from 'vitest'
import { RequestTurns } from '../../src/gateway/request-turns.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

function open() {
  let now = 0
  const handled: string[] = []
  const turns = new RequestTurns({ monotonic: () => now })
  /** A request that takes a millisecond. */
  const request = async (address: string, share = { waitMs: 0 }) => {
    await turns.take({ address, workWaitMs: () => share.waitMs })
    now += 1
    handled.push(address)
  }
  return { request, handled, turns }
}

it('G-TURN-3 requests are handled at once while the turn is short', async () => {
  const { request, handled } = open()
  void request('a')
  await undefined
  void request('b')
  await undefined
  expect(handled).toEqual(['a', 'b'])
})

it('G-TURN-3 those beyond wait, and addresses take turns', async () => {
  const { request, handled } = open()
  for (let i = 0; i < 12; i++) {
    void request('a')
    await undefined
  }
  void request('b')
  expect(handled).toEqual(['a', 'a'])
  for (let i = 0; i < 20 && handled.length < 13; i++) await turn()
  expect(handled.indexOf('b')).toBeLessThan(6)
  expect(handled).toHaveLength(13)
})

it('G-SHARE-3 requests of an address that has used up its share wait, up to 100 of them, and others are handled', async () => {
  const { request, handled, turns } = open()
  const share = { waitMs: 100 }
  for (let i = 0; i < 100; i++) {
    expect(turns.isFull('a')).toBe(false)
    void request('a', share)
  }
  expect([turns.isFull('a'), turns.isFull('b')]).toEqual([true, false])
  void request('b')
  for (let i = 0; i < 5; i++) await turn()
  expect(handled).toEqual(['b'])
  share.waitMs = 0
  await expect.poll(() => handled.length).toBe(101)
  expect(turns.isFull('a')).toBe(false)
})
