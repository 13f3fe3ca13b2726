import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { Rights } from '../../src/access/index.ts'
import type { Bus } from '../../src/bus/index.ts'
import { defineConfig, topic } from '../../src/index.ts'
import type { Reader } from '../../src/limits/index.ts'
import { Queries } from '../../src/queries/index.ts'

const note = topic('note', { schema: z.object({ id: z.string() }), key: 'id' })
const total = note.window('note.total', { tumbling: '1h', aggregate: { events: 'count' } })
const { contract } = defineConfig({ topics: [note, total] })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

it('Q-TURN-1 whom others keep waiting for two seconds is refused, and whoever waits for itself is answered', async () => {
  /** Ends a read that Redis has not answered yet. */
  const reads: (() => void)[] = []
  const results = { of: () => new Promise((resolve) => reads.push(() => resolve([]))) }
  const queries = new Queries({ partitions: 1, results: () => results } as unknown as Bus, contract, () => 'id')
  const ask = (readWaitMs: Reader['readWaitMs'] = () => 0) =>
    queries.of(Rights.EVERYTHING, { purse: {}, readWaitMs, chargeRead() {} }).window({ name: 'note.total', key: 'a' })
  const first = Array.from({ length: 8 }, () => ask())
  let owes = true
  const [debtor, other] = [ask(() => (owes ? 10 : 0)), ask().catch(({ code }) => code)]
  expect(reads.length).toBe(8)
  vi.advanceTimersByTime(2_001)
  reads.shift()!()
  expect(await other).toBe('overloaded')
  owes = false
  for (const end of reads.splice(0)) end()
  await Promise.all(first)
  await expect.poll(() => reads.length).toBe(1)
  reads[0]!()
  expect(await debtor).toEqual({ results: [] })
})

it('Q-TURN-2 a crowd keeps nobody out, nor do those who have left', async () => {
  const reads: (() => void)[] = []
  const results = { of: () => new Promise((resolve) => reads.push(() => resolve([]))) }
  const queries = new Queries({ partitions: 1, results: () => results } as unknown as Bus, contract, () => 'id')
  const client = (purse: object) => ({ purse, hasLeft: false, readWaitMs: () => 0, chargeRead() {} })
  const ask = (reader: Reader) => {
    const asked = queries.of(Rights.EVERYTHING, reader).window({ name: 'note.total', key: 'a' })
    return asked.then(
      () => 'answered',
      ({ code }) => code as string,
    )
  }
  const crowd = Array.from({ length: 5 }, () => client({}))
  const asked = crowd.map((reader) => Array.from({ length: 80 }, () => ask(reader)))
  // Of each one waits for no more than its part.
  expect(await Promise.all(asked.map((of) => of.at(-1)))).toEqual(crowd.map(() => 'overloaded'))
  const other = client({})
  const fewMore = Array.from({ length: 5 }, () => ask(other))
  expect(await fewMore.at(-1)).toBe('overloaded')
  for (const reader of crowd) reader.hasLeft = true
  for (const end of reads.splice(0)) end()
  await expect.poll(() => reads.length).toBe(4)
  for (const end of reads.splice(0)) end()
  expect(await Promise.all(fewMore)).toEqual([...Array(4).fill('answered'), 'overloaded'])
  expect(reads).toEqual([])
})
