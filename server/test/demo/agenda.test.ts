import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from '../../src/demo/agenda.ts'

test('K-DEMO-1 agenda - gives back by time, equals in the order added', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
      const agenda = new Agenda<number>()
      for (const [index, atMs] of times.entries()) agenda.add(atMs, index)
      const taken = times.map(() => agenda.next()!)
      const expected = times.map((atMs, item) => ({ atMs, item })).sort((a, b) => a.atMs - b.atMs || a.item - b.item)
      expect(taken.map(({ atMs, item }) => ({ atMs, item }))).toEqual(expected)
      expect(agenda.next()).toBeUndefined()
    }),
  )
})
