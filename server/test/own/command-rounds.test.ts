import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CommandRounds } from '../../src/own/command-rounds.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Of a process whose commits take so long. The first round has just begun. */
async function begunRounds(commitMs: number) {
  const rounds = new CommandRounds()
  for (let i = 0; i < 100; i++) rounds.committed(commitMs)
  const begun: string[] = []
  const wait = (name: string) => {
    void rounds.next().then(() => begun.push(name))
  }
  wait('first')
  await turn()
  await turn()
  return { begun, wait }
}

it('W-LOOP-7 partitions that wait for the next round begin it together, three commits behind the one before', async () => {
  const { begun, wait } = await begunRounds(4)
  expect(begun).toEqual(['first'])
  wait('one')
  vi.advanceTimersByTime(10)
  wait('other')
  await turn()
  expect(begun).toEqual(['first'])
  vi.advanceTimersByTime(2)
  await turn()
  expect(begun).toEqual(['first', 'one', 'other'])
})

it('W-LOOP-7 however long commits take, a round begins within 20 ms', async () => {
  const { begun, wait } = await begunRounds(1_000)
  wait('second')
  vi.advanceTimersByTime(20)
  await turn()
  expect(begun).toEqual(['first', 'second'])
})
