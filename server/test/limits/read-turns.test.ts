import { describe, expect, it } from 'vitest'
import { ONLY_READER, PacedReads, type Reader, ReadTurns } from '../../src/limits/index.ts'

class Purse implements Reader {
  readonly purse = this
  waitMs = 0
  readonly charged: number[] = []
  readWaitMs(): number {
    return this.waitMs
  }
  chargeRead(bytes: number): void {
    this.charged.push(bytes)
  }
}

describe('turns of reads', () => {
  it('LIM-TURN-1 purses take turns, however much waits for one of them', () => {
    const turns = new ReadTurns<string>()
    const [many, few] = [new Purse(), new Purse()]
    for (const read of ['m1', 'm2', 'm3']) turns.add(many, read)
    turns.add(few, 'f1')
    turns.add(few, 'f2')
    turns.addFirst(few, 'f0')
    expect(Array.from({ length: 7 }, () => turns.take())).toEqual(['m1', 'f0', 'm2', 'f1', 'm3', 'f2', undefined])
    expect(turns.size).toBe(0)
  })

  it('LIM-TURN-2 a purse that has to pay first is passed over', () => {
    const turns = new ReadTurns<string>()
    const [poor, rich] = [new Purse(), new Purse()]
    poor.waitMs = 200
    turns.add(poor, 'p')
    turns.add(rich, 'r')
    expect([turns.take(), turns.take(), turns.waitMs()]).toEqual(['r', undefined, 200])
    poor.waitMs = 0
    expect([turns.waitMs(), turns.take()]).toEqual([0, 'p'])
  })

  it('LIM-TURN-2 of one purse each pays for itself: one that has gone lets no other pass', () => {
    const turns = new ReadTurns<string>()
    const purse = {}
    const reader = (waitMs: number): Reader => ({ purse, readWaitMs: () => waitMs, chargeRead: () => {} })
    turns.add(reader(0), 'gone')
    turns.add(reader(200), 'p')
    expect([turns.take(), turns.take(), turns.waitMs()]).toEqual(['gone', undefined, 200])
  })

  it('LIM-TURN-1 a few are read at a time, and a failed one frees its place', async () => {
    const reads = new PacedReads(2)
    let running = 0
    let most = 0
    const readers = [new Purse(), new Purse()]
    const read = (fails: boolean) =>
      reads.run(readers[fails ? 0 : 1]!, async () => {
        most = Math.max(most, ++running)
        await new Promise(setImmediate)
        running--
        if (fails) throw new Error('no')
      })
    const all = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => read(i % 2 === 0)))
    expect(all.map(({ status }) => status === 'rejected')).toEqual(all.map((_, i) => i % 2 === 0))
    expect([most, reads.waiting]).toEqual([2, 0])
  })

  it('LIM-TURN-5 nothing is read for a client that has left while it waited', async () => {
    const reads = new PacedReads(2)
    const leaving = { purse: {}, hasLeft: false, readWaitMs: () => 0, chargeRead() {} }
    let read = 0
    const all = Array.from({ length: 3 }, () => reads.run(leaving, async () => ++read))
    leaving.hasLeft = true
    expect(await Promise.all(all)).toEqual([1, undefined, undefined])
    expect([read, reads.waiting]).toEqual([1, 0])
  })

  it('LIM-TURN-2 what waits to be paid for is read when that is done', async () => {
    const reads = new PacedReads(1)
    const poor = new Purse()
    poor.waitMs = 20
    const read = reads.run(poor, async () => 'read')
    expect(await reads.run(ONLY_READER, async () => reads.waiting)).toBe(1)
    poor.waitMs = 0
    expect(await read).toBe('read')
  })
})
