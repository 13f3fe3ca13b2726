import { describe, expect, it } from 'vitest'
import { Entry } from '../../src/delivery/entry.ts'
import { wholeEntry } from '../../src/delivery/mark.ts'
import { copyOutIfSparse, markAt, openRun } from '../../src/delivery/run.ts'
import { everyLane } from '../../src/delivery/start-marks.ts'
import { Subscription } from '../../src/delivery/subscription.ts'
import { recordBatch } from './support.ts'

const EVENTS = 100
const entry = new Entry(0, {
  topic: 'a.x',
  streamId: '5-0',
  epoch: 'e',
  refused: undefined,
  watermark: undefined,
  ...recordBatch(Array.from({ length: EVENTS }, (_, i) => ({ id: `e${i}` }))),
})

function runOf(picks: readonly number[]) {
  const plan = {
    sub: 1,
    topics: ['a.x'],
    keys: undefined,
    lanes: { 0: true, 1: true, 2: true },
    filter: undefined,
    batch: undefined,
  }
  const subscription = new Subscription(plan, { offer: () => {} })
  subscription.addFeeds('a.x', [everyLane('e', wholeEntry('e', '0-0'))])
  return openRun(subscription.feed('a.x', 0)!.lanes[1]!, entry, picks)
}

describe('run', () => {
  it('D-PIN-1 holds on to the entry while it needs a quarter of it or more', () => {
    const run = runOf(Array.from({ length: EVENTS / 4 + 1 }, (_, i) => i * 3))
    copyOutIfSparse(run)
    expect(run.encoded).toBe(entry.encoded)
  })

  it('D-PIN-1 keeps only the bytes it needs when that is less, from where it was', () => {
    const run = runOf([3, 4, 50, 99])
    run.next = 1
    run.bytes -= entry.encoded.starts[4]! - entry.encoded.starts[3]!
    const last = markAt(run, 3)
    copyOutIfSparse(run)
    expect(run.encoded.bytes).toHaveLength(run.bytes)
    expect(run.encoded.bytes.buffer.byteLength).toBe(run.bytes)
    expect(run.encoded.bytes.toString().match(/"id":"e\d+"/g)).toEqual(['"id":"e4"', '"id":"e50"', '"id":"e99"'])
    expect(markAt(run, run.picks.length - 1)).toEqual(last)
  })
})
