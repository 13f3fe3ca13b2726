import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AppendRequest, encodeEvent } from '../../src/bus/index.ts'
import { AppendPace } from '../../src/ingest/append-pace.ts'
import { PartitionAppender } from '../../src/ingest/partition-appender.ts'
import type { PartitionLog, SliceOutcome } from '../../src/ingest/partition-log.ts'

beforeEach(() => {
  // Time does not pass by itself: who waits for the next round waits for good.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** An appender whose calls are answered when the test says. */
function appender(pace = new AppendPace()) {
  const calls: { topics: string[]; payload: Buffer; answer: () => void; fail: () => void }[] = []
  const log = {
    partition: 0,
    append: ({ batches, slices }: AppendRequest) =>
      new Promise<SliceOutcome[]>((resolve, reject) => {
        const outcome = {
          verdict: 'new',
          partition: 0,
          epoch: '1',
          position: '0@1/1-0.0',
          refusedAtFirst: undefined,
        } as const
        calls.push({
          topics: batches.map(({ topic }) => topic),
          payload: batches[0]!.payload,
          answer: () => resolve(slices.map(() => outcome)),
          fail: () => reject(new Error('no answer in time')),
        })
      }),
  }
  const created = new PartitionAppender(log as unknown as PartitionLog, () => 'defect', pace)
  const settled: string[] = []
  const add = (topic: string, isUrgent: boolean) => {
    const frame = { resolve: () => settled.push(topic) }
    const event = { key: 'k', lane: 'low', time: 1, json: encodeEvent('e', 'k', 1, undefined, '{}') } as const
    created.add({ topic, identity: undefined, isUrgent, frame }, [event])
  }
  return { calls, settled, add }
}

/** One that has just made a call of this many ms. */
async function usedAppender(callMs: number) {
  const used = appender()
  used.add('first', false)
  await turn()
  vi.advanceTimersByTime(callMs)
  used.calls[0]!.answer()
  await turn()
  return used
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
  it('I-APPEND-15 sends what comes to an idle partition at the end of the turn', async () => {
    const { calls, add } = appender()
    add('first', false)
    add('second', false)
    expect(calls).toEqual([])
    await turn()
    expect(calls.map(({ topics }) => topics)).toEqual([['first', 'second']])
  })

  it('I-APPEND-15 lets what comes soon after a call wait for others, for as long as a call takes', async () => {
    const { calls, add } = await usedAppender(0)
    add('second', false)
    add('third', false)
    await turn()
    expect(calls).toHaveLength(1)
    vi.advanceTimersByTime(2)
    expect(calls.map(({ topics }) => topics)).toEqual([['first'], ['second', 'third']])
  })

  it('I-APPEND-15 sends larger calls more rarely while calls are slow', async () => {
    const slow = await usedAppender(1_000)
    slow.add('second', false)
    await turn()
    // The first call was sent under the pace of fast ones.
    slow.calls[1]!.answer()
    await turn()
    slow.add('third', false)
    vi.advanceTimersByTime(19)
    slow.add('fourth', false)
    expect(slow.calls).toHaveLength(2)
    vi.advanceTimersByTime(1)
    expect(slow.calls.at(-1)!.topics).toEqual(['third', 'fourth'])
  })

  it('I-APPEND-15 sends the calls of all partitions together', async () => {
    const pace = new AppendPace()
    const [one, other] = [appender(pace), appender(pace)]
    one.add('first', false)
    await turn()
    one.calls[0]!.answer()
    await turn()
    other.add('second', false)
    one.add('third', false)
    await turn()
    expect([one.calls.length, other.calls.length]).toEqual([1, 0])
    vi.advanceTimersByTime(2)
    expect([one.calls.length, other.calls.length]).toEqual([2, 1])
  })

  it('I-APPEND-16 uses the memory of a payload again once its call was answered, and not where it failed', async () => {
    const { calls, add } = appender()
    const send = async (topic: string) => {
      add(topic, true)
      await turn()
      return calls.at(-1)!
    }
    const answered = await send('first')
    answered.answer()
    await turn()
    const failed = await send('second')
    expect(failed.payload.buffer).toBe(answered.payload.buffer)
    failed.fail()
    await turn()
    const later = await send('third')
    expect(later.payload.buffer).not.toBe(failed.payload.buffer)
  })

  it('I-APPEND-12 sends what is urgent at the end of the turn, with all that waits', async () => {
    const { calls, add } = await usedAppender(0)
    add('waits', false)
    await turn()
    expect(calls).toHaveLength(1)
    add('urgent', true)
    add('late', false)
    expect(calls).toHaveLength(1)
    await turn()
    expect(calls.map(({ topics }) => topics).at(-1)).toEqual(['waits', 'urgent', 'late'])
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

  it('I-APPEND-13 what is urgent leaves in all partitions together, where several came with their last calls', async () => {
    const pace = new AppendPace()
    const both = [appender(pace), appender(pace)] as const
    for (const { add } of both) for (const topic of ['first', 'second']) add(topic, true)
    await turn()
    for (const { calls } of both) calls[0]!.answer()
    await turn()
    both[0].add('third', true)
    vi.advanceTimersByTime(0.5)
    both[1].add('fourth', true)
    await turn()
    expect(both.map(({ calls }) => calls.length)).toEqual([1, 1])
    vi.advanceTimersByTime(5)
    expect(both.map(({ calls }) => calls.length)).toEqual([2, 2])
  })
})
