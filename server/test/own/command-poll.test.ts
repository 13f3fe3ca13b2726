import { describe, expect, it } from 'vitest'
import type { LogEntry } from '../../src/bus/index.ts'
import { CommandPoll, CommandPolls } from '../../src/own/command-poll.ts'

const ENTRY = {} as LogEntry

/** A log of commands that is looked at. */
class Log {
  entries: LogEntry[] = []
  looks = 0
  readonly found: LogEntry[] = []
  readonly poll = new CommandPoll(
    async () => {
      this.looks++
      return this.entries
    },
    (entries) => this.found.push(...entries),
  )
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('command polls', () => {
  it('W-COMMAND-3 whoever folds looks for the commands of all that wait for their turn, and tells who has some', async () => {
    const polls = new CommandPolls()
    const [waiting, busy, elsewhere] = [new Log(), new Log(), new Log()]
    waiting.entries = [ENTRY]
    let end = () => {}
    const turn = polls.during(waiting.poll, () => new Promise<void>((resolve) => (end = resolve)))
    await polls.during(busy.poll, async () => {
      polls.lookWhenDue()
      await settled()
    })
    expect([waiting, busy, elsewhere].map(({ looks, found }) => [looks, found])).toEqual([
      [1, [ENTRY]],
      [1, []],
      [0, []],
    ])
    end()
    await turn
    polls.lookWhenDue()
    expect(waiting.looks).toBe(1)
  })

  it('W-COMMAND-1 one look is under way at a time, the next one 10 ms later, and one that fails finds nothing', async () => {
    let looks = 0
    const poll = new CommandPoll(
      async () => {
        looks++
        throw new Error('no answer')
      },
      () => {
        throw new Error('nothing was found')
      },
    )
    poll.lookWhenDue()
    poll.lookWhenDue()
    await settled()
    poll.lookWhenDue()
    expect(looks).toBe(1)
    await expect
      .poll(() => {
        poll.lookWhenDue()
        return looks
      })
      .toBe(2)
    await poll.settled()
  })
})
