import { describe, expect, it } from 'vitest'
import { wholeEntry } from '../../../src/bus/log/mark.ts'
import { copyOut, isSparse, keyAt, markAt, openRun, thinRun } from '../../../src/delivery/queue/run.ts'
import { bytesOf } from '../../../src/delivery/wire/encoded-events.ts'
import { Entry } from '../../../src/delivery/wire/entry.ts'
import { Part } from '../../../src/delivery/wire/part.ts'
import { sumWithheld } from '../../../src/delivery/wire/withheld.ts'
import { recordBatch } from '../support.ts'

const EVENTS = 100
const entry = new Entry(0, {
  topic: 'a.x',
  streamId: '5-0',
  epoch: 'e',
  refused: undefined,
  watermark: undefined,
  ...recordBatch(Array.from({ length: EVENTS }, (_, i) => ({ id: `e${i}`, key: `k${i}` }))),
})

const lane = {
  partition: 0,
  part: new Part(1, 'a.x', 1),
  taken: wholeEntry('e', '0-0'),
  epoch: 'e',
  waiting: 0,
  trailing: { conflated: 0, sampled: 0 },
}
const runOf = (picks: readonly number[]) => openRun({ delivered: () => {} }, lane, entry, picks, entry.encoded)

describe('run', () => {
  it('D-PIN-1 is sparse when it needs less than a quarter of its entry', () => {
    expect(isSparse(runOf(Array.from({ length: EVENTS / 4 + 1 }, (_, i) => i * 3)))).toBe(false)
    expect(isSparse(runOf(Array.from({ length: EVENTS / 4 - 1 }, (_, i) => i * 3)))).toBe(true)
  })

  it('D-PIN-1 copied out keeps only the bytes it needs, from where it was', () => {
    const run = runOf([3, 4, 50, 99])
    run.next = 1
    run.bytes -= entry.encoded.starts[4]! - entry.encoded.starts[3]!
    const last = markAt(run, 3)
    copyOut(run)
    expect(run.encoded.bytes).toHaveLength(run.bytes)
    expect(run.encoded.bytes.buffer.byteLength).toBe(run.bytes)
    expect(run.encoded.bytes.toString().match(/"id":"e\d+"/g)).toEqual(['"id":"e4"', '"id":"e50"', '"id":"e99"'])
    expect(run.picks.map((_, pick) => keyAt(run, pick))).toEqual(['k4', 'k50', 'k99'])
    expect(markAt(run, run.picks.length - 1)).toEqual(last)
  })

  it('keeps what is wanted of it, asked from its end', () => {
    const run = runOf([3, 4, 50, 99])
    run.next = 1
    run.bytes -= entry.encoded.starts[4]! - entry.encoded.starts[3]!
    const asked: string[] = []
    expect(
      thinRun(run, 'conflated', (_, pick) => {
        asked.push(keyAt(run, pick))
        return pick !== 2
      }),
    ).toEqual({ removed: 1, trailing: { conflated: 0, sampled: 0 } })
    expect(asked).toEqual(['k99', 'k50', 'k4'])
    expect(run.picks).toEqual([4, 99])
    expect(run.bytes).toBe(bytesOf(entry.encoded, [4, 99], 0, 2))
    expect(sumWithheld(run, 1)).toEqual({ conflated: 0, sampled: 0 })
    expect(sumWithheld(run, 2)).toEqual({ conflated: 1, sampled: 0 })
    expect(thinRun(run, 'sampled', (_, pick) => pick === 0)).toEqual({
      removed: 1,
      trailing: { conflated: 1, sampled: 1 },
    })
  })
})
