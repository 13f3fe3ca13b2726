import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnsweredIds } from '../../src/entities/index.ts'

const isOlder = fc.boolean()
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('found' as const), count: fc.nat(900), isOlder }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rotate' as const) }) },
)

test('E-ANSWER-7 an id with an answer may have one, and hardly any other id', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const ids = new AnsweredIds()
      let [current, previous] = [[] as string[], [] as string[]]
      let last = 0
      const fresh = (count: number) => Array.from({ length: count }, () => `c-${last++}`)
      expect(ids.mayHave('not gone through yet')).toBe(true)
      ids.complete()
      for (const one of steps) {
        if (one.kind === 'rotate') {
          ids.rotate()
          previous = current
          current = []
          continue
        }
        const added = fresh(one.count)
        if (one.kind === 'add') for (const id of added) ids.add(id)
        else ids.found(added, one)
        if (one.kind === 'found' && one.isOlder) previous.push(...added)
        else current.push(...added)
      }
      expect([...current, ...previous].filter((id) => !ids.mayHave(id))).toEqual([])
      expect(fresh(1_000).filter((id) => ids.mayHave(id)).length).toBeLessThan(10)
    }),
    { numRuns: 50 },
  )
})
