import { describe, expect, test } from 'vitest'
import { Outbox, type OutboxLimits } from '../src/publishing/outbox.ts'

const LIMITS: OutboxLimits = { maxFrames: 100, maxBytes: 10_000, maxAgeMs: 1_000 }
const GRANT = { frames: 10, bytes: 1_000 }

function outboxOf(...items: string[]): Outbox<string> {
  const outbox = new Outbox<string>(LIMITS)
  for (const item of items) outbox.push(item, 100, 0)
  return outbox
}

/** Everything the outbox would write now, as `seq:item` with the age of a resend. */
function sent(outbox: Outbox<string>, now = 0, grant = GRANT): string[] {
  const lines: string[] = []
  for (let due = outbox.next(now, grant); due !== undefined; due = outbox.next(now, grant)) {
    lines.push(`${due.seq}:${due.item}${due.ageMs === undefined ? '' : ` +${due.ageMs}`}`)
  }
  return lines
}

describe('outbox', () => {
  test('C-SEQ-1 next - numbers frames from 1 when they are first sent', () => {
    const outbox = outboxOf('a', 'b')
    expect(sent(outbox)).toEqual(['1:a', '2:b'])
    outbox.push('c', 100, 0)
    expect(sent(outbox)).toEqual(['3:c'])
  })

  test('C-SEQ-1 C-BOUND-2 expire - leaves no hole in the numbers', () => {
    const outbox = outboxOf('a', 'b', 'c')
    expect(sent(outbox, 0, { frames: 1, bytes: 1_000 })).toEqual(['1:a'])
    outbox.push('d', 100, 500)
    expect(outbox.expire(999)).toEqual([])
    expect(outbox.expire(1_000)).toEqual(['b', 'c'])
    expect(sent(outbox)).toEqual(['2:d'])
  })

  test('C-FATE-1 expire - never gives up what was sent once', () => {
    const outbox = outboxOf('a', 'b')
    sent(outbox, 0, { frames: 1, bytes: 1_000 })
    outbox.disconnected()
    expect(outbox.expire(5_000)).toEqual(['b'])
    expect(sent(outbox, 5_000)).toEqual(['1:a +5000'])
  })

  test('C-KEEP-1 keep - for 5 s before the newest, and no more than 4 MiB', () => {
    const outbox = new Outbox<string>({ ...LIMITS, maxFrames: 100, maxBytes: 1e9 })
    const stored = (item: string, bytes: number, now: number) => {
      outbox.push(item, bytes, now)
      const due = outbox.next(now, { frames: 1, bytes: 1e9 })!
      outbox.keep(due.seq, new Map([[due.seq, 'e']]), now)
    }
    stored('a', 1, 0)
    stored('b', 1, 1)
    stored('c', 1, 5_001)
    expect([...outbox.keptEpochs.keys()]).toEqual([2, 3])
    stored('d', 4 * 1_048_576 - 1, 5_002)
    expect([...outbox.keptEpochs.keys()]).toEqual([3, 4])
    stored('e', 1, 5_003)
    expect([...outbox.keptEpochs.keys()]).toEqual([4, 5])
    expect(outbox.size).toBe(0)
  })

  test('C-BOUND-2 expiresAt - is when the oldest unsent frame becomes too old', () => {
    const outbox = outboxOf()
    expect(outbox.expiresAt).toBeUndefined()
    outbox.push('a', 100, 5)
    outbox.push('b', 100, 7)
    expect(outbox.expiresAt).toBe(1_005)
    sent(outbox, 8, { frames: 1, bytes: 1_000 })
    expect(outbox.expiresAt).toBe(1_007)
  })

  test('C-GRANT-1 next - keeps within frames and bytes of the grant', () => {
    const outbox = outboxOf('a', 'b', 'c', 'd')
    expect(sent(outbox, 0, { frames: 2, bytes: 1_000 })).toEqual(['1:a', '2:b'])
    expect(sent(outbox, 0, { frames: 4, bytes: 300 })).toEqual(['3:c'])
    outbox.finish(1)
    expect(sent(outbox, 0, { frames: 4, bytes: 300 })).toEqual(['4:d'])
  })

  test('C-GRANT-1 next - sends one frame above the byte grant when nothing else is on its way', () => {
    const outbox = outboxOf('a', 'b')
    expect(sent(outbox, 0, { frames: 4, bytes: 50 })).toEqual(['1:a'])
    outbox.finish(1)
    expect(sent(outbox, 0, { frames: 4, bytes: 50 })).toEqual(['2:b'])
  })

  test('C-RESEND-1 disconnected - everything sent goes again first, in order, with its age', () => {
    const outbox = outboxOf('a', 'b', 'c')
    sent(outbox, 10, { frames: 2, bytes: 1_000 })
    outbox.disconnected()
    expect(sent(outbox, 25)).toEqual(['1:a +15', '2:b +15', '3:c'])
  })

  test('C-RESEND-1 next - a clock that was set back makes no negative age', () => {
    const outbox = outboxOf('a')
    sent(outbox, 10)
    outbox.disconnected()
    expect(sent(outbox, 5)).toEqual(['1:a +0'])
  })

  test('C-RESEND-2 refuse - nothing is sent until all on their way are answered, then all that are left', () => {
    const outbox = outboxOf('a', 'b', 'c', 'd', 'e')
    sent(outbox, 0, { frames: 4, bytes: 1_000 })
    expect(outbox.refuse(2)).toBe(true)
    expect(sent(outbox)).toEqual([])
    expect(outbox.finish(1)).toBe('a')
    expect(outbox.refuse(3)).toBe(true)
    expect(sent(outbox)).toEqual([])
    expect(outbox.finish(4)).toBe('d')
    expect(sent(outbox, 7)).toEqual(['2:b +7', '3:c +7', '5:e'])
  })

  test('C-RESEND-4 refuse - of a frame that is settled, refused or not sent changes nothing', () => {
    const outbox = outboxOf('a', 'b', 'c')
    sent(outbox, 0, { frames: 2, bytes: 1_000 })
    outbox.finish(1)
    expect([outbox.refuse(1), outbox.refuse(3), outbox.refuse(2), outbox.refuse(2)]).toEqual([
      false,
      false,
      true,
      false,
    ])
    expect(sent(outbox, 1)).toEqual(['2:b +1', '3:c'])
  })

  test('C-RESEND-4 settle - an ack for a frame already refused is final', () => {
    const outbox = outboxOf('a', 'b')
    sent(outbox)
    outbox.refuse(1)
    expect(outbox.finish(1)).toBe('a')
    expect(outbox.finish(1)).toBeUndefined()
    outbox.push('c', 100, 0)
    expect(sent(outbox)).toEqual(['3:c'])
  })

  test('C-BOUND-1 hasRoom - counts everything without a final answer', () => {
    const outbox = new Outbox<string>({ maxFrames: 2, maxBytes: 250, maxAgeMs: 1_000 })
    expect([outbox.hasRoom(2, 250), outbox.hasRoom(3, 10), outbox.hasRoom(1, 251)]).toEqual([true, false, false])
    outbox.push('a', 100, 0)
    sent(outbox)
    expect([outbox.hasRoom(1, 150), outbox.hasRoom(1, 151), outbox.hasRoom(2, 10)]).toEqual([true, false, false])
    outbox.finish(1)
    expect(outbox.hasRoom(2, 250)).toBe(true)
  })

  test('clear - gives up everything, sent or not', () => {
    const outbox = outboxOf('a', 'b')
    sent(outbox, 0, { frames: 1, bytes: 1_000 })
    expect(outbox.clear()).toEqual(['a', 'b'])
    expect([outbox.size, outbox.lowestSeq, outbox.hasRoom(100, 10_000)]).toEqual([0, undefined, true])
  })
})
