import { expect, it } from 'vitest'
import { RequestTurns } from '../../src/gateway/request-turns.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

function open() {
  let now = 0
  const handled: string[] = []
  const turns = new RequestTurns({ monotonic: () => now })
  /** A request that takes a millisecond. */
  const request = async (address: string) => {
    await turns.take(address)
    now += 1
    handled.push(address)
  }
  return { request, handled }
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
