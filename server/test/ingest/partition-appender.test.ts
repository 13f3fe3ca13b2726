import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AppendRequest, encodeEvent } from '../../src/bus/index.ts'
import { PartitionAppender } from '../../src/ingest/partition-appender.ts'
import type { PartitionLog, SliceOutcome } from '../../src/ingest/partition-log.ts'

beforeEach(() => {
  // Time does not pass: who waits for company waits for good.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** An appender whose calls are answered when the test says. */
function appender() {
  const calls: { topics: string[]; answer: () => void }[] = []
  const log = {
    partition: 0,
    append: ({ batches, slices }: AppendRequest) =>
      new Promise<SliceOutcome[]>((resolve) => {
        const outcome = {
          verdict: 'new',
          partition: 0,
          epoch: '1',
          position: '0@1/1-0.0',
          refusedAtFirst: undefined,
        } as const
        calls.push({ topics: batches.map(({ topic }) => topic), answer: () => resolve(slices.map(() => outcome)) })
      }),
  }
  const created = new PartitionAppender(log as unknown as PartitionLog, () => 'defect')
  const settled: string[] = []
  const add = (topic: string, isUrgent: boolean) => {
    const frame = { resolve: () => settled.push(topic) }
    const event = { key: 'k', lane: 'low', time: 1, json: encodeEvent('e', 'k', 1, undefined, '{}') } as const
    created.add({ topic, identity: undefined, isUrgent, frame }, [event])
  }
  return { calls, settled, add }
}

/** One whose last call had several urgent slices. */
async function busyAppender() {
  const busy = appender()
  busy.add('first', true)
  busy.add('second', true)
  await turn()
  busy.calls[0]!.answer()
  await turn()
  return busy
}

describe('PartitionAppender', () => {
  it('I-APPEND-12 sends what is urgent at the end of the turn, with all that waits', async () => {
    const { calls, add } = appender()
    add('waits', false)
    await turn()
    expect(calls).toEqual([])
    add('urgent', true)
    add('late', false)
    expect(calls).toEqual([])
    await turn()
    expect(calls.map(({ topics }) => topics)).toEqual([['waits', 'urgent', 'late']])
  })

  it('I-APPEND-12 while a call is under way what is urgent goes with the next, which follows at once', async () => {
    const { calls, settled, add } = appender()
    add('first', true)
    await turn()
    add('second', true)
    add('third', true)
    await turn()
    expect(calls).toHaveLength(1)
    calls[0]!.answer()
    await turn()
    await turn()
    expect(calls.map(({ topics }) => topics)).toEqual([['first'], ['second', 'third']])
    expect(settled).toEqual(['first'])
    calls[1]!.answer()
    await turn()
    expect(settled).toEqual(['first', 'second', 'third'])
    add('waits', false)
    await turn()
    expect(calls).toHaveLength(2)
  })

  it('I-APPEND-13 where several came with the last call, what comes for a short while goes along with the next', async () => {
    const { calls, add } = await busyAppender()
    add('third', true)
    await turn()
    expect(calls).toHaveLength(1)
    add('fourth', true)
    vi.advanceTimersByTime(5)
    expect(calls.map(({ topics }) => topics)).toEqual([
      ['first', 'second'],
      ['third', 'fourth'],
    ])
  })

  it('I-APPEND-13 what is urgent does not wait as long as what is not', async () => {
    const { calls, add } = await busyAppender()
    add('waits', false)
    add('urgent', true)
    vi.advanceTimersByTime(5)
    expect(calls.map(({ topics }) => topics).at(-1)).toEqual(['waits', 'urgent'])
  })
})
