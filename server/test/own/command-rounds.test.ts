import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CommandRounds } from '../../src/own/command-rounds.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Waits for the next round; the list gets its name then. */
function waiter(rounds: CommandRounds, begun: string[]) {
  return (name: string) => {
    void rounds.next().then(() => begun.push(name))
  }
}

it('W-LOOP-7 partitions that wait for the next round begin it together, three commits behind the one before', async () => {
  const rounds = new CommandRounds()
  for (let i = 0; i < 100; i++) rounds.committed(4)
  const begun: string[] = []
  const wait = waiter(rounds, begun)
  wait('first')
  await turn()
  await turn()
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
  const rounds = new CommandRounds()
  for (let i = 0; i < 100; i++) rounds.committed(1_000)
  const begun: string[] = []
  const wait = waiter(rounds, begun)
  wait('first')
  await turn()
  await turn()
  wait('second')
  vi.advanceTimersByTime(20)
  await turn()
  expect(begun).toEqual(['first', 'second'])
})
