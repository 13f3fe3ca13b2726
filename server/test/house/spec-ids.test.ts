import { expect, test } from 'vitest'
import { specReport } from '../../../scripts/spec-ids.ts'

test('SPEC.md - every rule is named by the title of a test, and every id in a title is one rule and stands in front', () => {
  const { rules, ...problems } = specReport()
  expect(rules).toBeGreaterThan(0)
  expect(problems).toEqual({ untested: [], unknown: [], repeated: [], misplaced: [] })
})
