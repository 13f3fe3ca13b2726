import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Bus, LogEntry, LogRead } from '../../src/bus/index.ts'
import { CommandPolls, type CommandSeeker } from '../../src/own/command-poll.ts'
import { SharedReads } from '../../src/own/shared-reads.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const entryOf = (partition: number) => ({ partition }) as unknown as LogEntry

class Seeker implements CommandSeeker {
  readonly partition: number
  readonly taken: LogEntry[] = []
  isFull = false

  constructor(partition: number) {
    this.partition = partition
  }

  cursor = () => `${this.partition}-0`
  hasRoom = () => !this.isFull
  found = (entries: readonly LogEntry[]) => void this.taken.push(...entries)
}

/** Logs that each have one command. */
function open(read: (reads: readonly LogRead[]) => Promise<LogEntry[][]>) {
  const asked: number[][] = []
  const after = (reads: readonly LogRead[]) => {
    asked.push(reads.map(({ partition }) => partition))
    return read(reads)
  }
  const log = (partition: number) => ({
    async after() {
      asked.push([partition])
      if (partition === 1) throw new Error('it cannot be read')
      return [entryOf(partition)]
    },
  })
  const reads = new SharedReads({ after, log } as unknown as Pick<Bus, 'after' | 'log'>)
  return { polls: new CommandPolls(reads), asked }
}

const each = async (reads: readonly LogRead[]) => reads.map(({ partition }) => [entryOf(partition)])

describe('command polls', () => {
  it('W-COMMAND-1 W-COMMAND-3 one call every 10 ms looks for the commands of all partitions that seek some and have room', async () => {
    const { polls, asked } = open(each)
    const [one, two, full] = [new Seeker(0), new Seeker(1), new Seeker(2)]
    full.isFull = true
    // Not the number of timers, nor of those that are stopped: on a busy machine others have some, too.
    const started = vi.spyOn(globalThis, 'setInterval')
    for (const seeker of [one, two, full, one]) polls.join(seeker)
    expect(started).toHaveBeenCalledOnce()
    const timer: unknown = started.mock.results[0]!.value
    const stopped = vi.spyOn(globalThis, 'clearInterval')
    await vi.advanceTimersByTimeAsync(25)
    expect(asked).toEqual([
      [0, 1],
      [0, 1],
    ])
    expect([one, two, full].map(({ taken }) => taken.length)).toEqual([2, 2, 0])
    polls.leave(one)
    await vi.advanceTimersByTimeAsync(10)
    expect(asked.at(-1)).toEqual([1])
    polls.leave(two)
    polls.leave(full)
    await vi.advanceTimersByTimeAsync(50)
    expect(asked).toHaveLength(3)
    expect(stopped.mock.calls.filter(([stops]) => stops === timer)).toHaveLength(1)
  })

  it('W-COMMAND-1 one look is under way at a time, and who has left meanwhile gets nothing', async () => {
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    const { polls, asked } = open(async (reads) => {
      await answered
      return each(reads)
    })
    const [one, two] = [new Seeker(0), new Seeker(1)]
    for (const seeker of [one, two]) polls.join(seeker)
    await vi.advanceTimersByTimeAsync(45)
    expect(asked).toHaveLength(1)
    polls.leave(one)
    answer()
    await vi.advanceTimersByTimeAsync(1)
    expect([one, two].map(({ taken }) => taken.length)).toEqual([0, 1])
    polls.leave(two)
  })

  it('W-COMMAND-3 logs that cannot be read together are read one by one', async () => {
    const { polls, asked } = open(async () => {
      throw new Error('one of them cannot be read')
    })
    const seekers = [new Seeker(0), new Seeker(1), new Seeker(2)]
    for (const seeker of seekers) polls.join(seeker)
    await vi.advanceTimersByTimeAsync(11)
    expect(asked).toEqual([[0, 1, 2], [0], [1], [2]])
    expect(seekers.map(({ taken }) => taken.length)).toEqual([1, 0, 1])
    for (const seeker of seekers) polls.leave(seeker)
  })
})
