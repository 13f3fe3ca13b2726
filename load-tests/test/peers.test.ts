import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventScanner, EventSource } from '../src/peers/load/events.ts'
import { LatencyHistogram } from '../src/peers/load/histogram.ts'
import { Pending } from '../src/peers/load/pending.ts'
import { standingOf } from '../src/peers/standing.ts'
import type { Subject } from '../src/peers/subject.ts'
import { bare } from '../src/peers/subjects/bare.ts'
import { ws } from '../src/peers/subjects/ws.ts'

describe('EventSource, EventScanner', () => {
  it('finds every event with its time, however the bytes are cut', () => {
    const source = new EventSource({ keys: 100, bytes: 130 })
    const events = Array.from({ length: 5 }, (_, i) => source.next(1_000_000 + i))
    expect(events.every(({ data }) => JSON.parse(data) && data.length <= 130)).toBe(true)
    const bytes = Buffer.from(`42["event",[${events.map(({ data }) => data).join()}],"sentA`)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const found: number[][] = []
        const scanner = new EventScanner((n, sentAt) => found.push([n, sentAt]))
        const ends = [...cuts.sort((a, b) => a - b), bytes.length]
        for (const [i, end] of ends.entries()) scanner.read(bytes.subarray(ends[i - 1] ?? 0, end))
        expect(found).toEqual(events.map(({ n }) => [n, 1_000_000 + n]))
      }),
    )
  })
})

describe('LatencyHistogram', () => {
  it('reports milliseconds and begins anew', () => {
    const histogram = new LatencyHistogram()
    for (let i = 1; i <= 1_000; i++) histogram.record(i * 1_000)
    expect(histogram.take()).toMatchObject({
      count: 1_000,
      p50Ms: expect.closeTo(500, -1),
      maxMs: expect.closeTo(1_000, -1),
    })
    expect(histogram.take().count).toBe(0)
  })
})

describe('Pending', () => {
  it('settles each call once, and the longest waiting one for servers that answer in order', async () => {
    const pending = new Pending<number>()
    const calls = [pending.add(1), pending.add(2), pending.add(3), pending.add(4)]
    pending.answer(2)
    pending.settleNext()
    pending.fail(3, new Error('refused'))
    pending.failAll(new Error('ended'))
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : 'answered'))).toEqual([
      'answered',
      'answered',
      'refused',
      'ended',
    ])
  })
})

describe('standingOf', () => {
  it('ranks by each figure the way it is better, without void rows', () => {
    const rows = {
      tidegate: { rate: 20, p99Ms: 5 },
      other: { rate: 10, p99Ms: 1 },
      third: { rate: 20, p99Ms: 9 },
      refused: { rate: 99, p99Ms: 0, void: 'calls were refused' },
    }
    expect(standingOf('tidegate', rows, { rate: 'more', p99Ms: 'less' })).toEqual([
      { figure: 'rate', value: 20, rank: 1, of: 3, best: 20, bestBy: 'tidegate' },
      { figure: 'p99Ms', value: 5, rank: 2, of: 3, best: 1, bestBy: 'other' },
    ])
  })

  it('has nothing of a subject that did not run', () => {
    expect(standingOf('tidegate', { other: { rate: 1 } }, { rate: 'more' })).toEqual([])
  })
})

describe.each<[string, Subject]>([
  ['bare', bare],
  ['ws', ws],
])('%s', (_, subject) => {
  it('delivers what it acknowledges, gives back what it keeps, and works again after its bus was killed', async () => {
    const server = await subject.start()
    const source = new EventSource({ keys: 10, bytes: 110 })
    const read = (into: number[]) => {
      const scanner = new EventScanner((n) => into.push(n))
      return { receive: (payload: Buffer) => scanner.read(payload) }
    }
    try {
      const [received, kept, later]: [number[], number[], number[]] = [[], [], []]
      const comeBack = await subject.leave?.(server.port)
      const subscriber = await subject.subscribe(server.port, read(received))
      const publisher = await subject.publish(server.port)
      await publisher.publish([source.next(0), source.next(0)])
      await publisher.publish([source.next(0)])
      await expect.poll(() => received).toEqual([0, 1, 2])
      const returned = await comeBack?.(read(kept))
      if (comeBack !== undefined) await expect.poll(() => kept).toEqual([0, 1, 2])
      await server.killBus()
      await server.restoreBus()
      const next = await subject.subscribe(server.port, read(later))
      const again = await subject.publish(server.port)
      await again.publish([source.next(0)])
      await expect.poll(() => later).toEqual([3])
      expect(await server.pids()).not.toHaveLength(0)
      for (const connection of [subscriber, publisher, returned, next, again]) connection?.close()
    } finally {
      await server.stop()
    }
  })
})
