import { describe, expect, it } from 'vitest'
import { TopicTail } from '../../../src/delivery/log/topic-tail.ts'
import { Entry } from '../../../src/delivery/wire/entry.ts'
import { recordBatch } from '../support.ts'

function entry(streamId: string): Entry {
  const batch = recordBatch([{ id: streamId }])
  return new Entry(0, { topic: 'a.x', streamId, epoch: 'e', refused: undefined, watermark: undefined, ...batch })
}
const ids = (entries: readonly Entry[] | undefined) => entries?.map(({ streamId }) => streamId)

describe('topic tail', () => {
  it('D-TAIL-7 gives what lies after an id only if the ring reaches back to it', () => {
    const tail = new TopicTail('10-0', 'e')
    expect(ids(tail.since('10-0', false))).toEqual([])
    expect(tail.since('10-0', true)).toBeUndefined()
    expect(tail.since('9-0', false)).toBeUndefined()
    for (const id of ['11-0', '12-0', '13-0']) tail.push(entry(id))
    expect(ids(tail.since('10-0', false))).toEqual(['11-0', '12-0', '13-0'])
    expect(tail.since('10-0', true)).toBeUndefined()
    expect(ids(tail.since('12-0', false))).toEqual(['13-0'])
    expect(ids(tail.since('12-0', true))).toEqual(['12-0', '13-0'])
    expect(ids(tail.since('20-0', false))).toEqual([])
  })

  it('D-TAIL-7 stays contiguous when it sheds old entries and when it jumps', () => {
    const tail = new TopicTail('0-0', 'e')
    for (let i = 1; i <= 1_000; i++) tail.push(entry(`${i}-0`))
    expect(tail.since('1-0', false)).toBeUndefined()
    const reach = Array.from({ length: 1_000 }, (_, i) => i).find((i) => tail.since(`${i}-0`, false) !== undefined)!
    expect(ids(tail.since(`${reach}-0`, false))).toEqual(
      Array.from({ length: 1_000 - reach }, (_, i) => `${reach + i + 1}-0`),
    )
    tail.jump('500-0', 'f')
    expect(tail.mark).toEqual({ epoch: 'f', streamId: '500-0', index: 999_999 })
    expect(tail.since('499-0', false)).toBeUndefined()
    expect(ids(tail.since('500-0', false))).toEqual([])
  })
})
