import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { specRules } from '../../../scripts/spec-ids.ts'

const [, threats] = readFileSync(join(REPOSITORY, 'SECURITY.md'), 'utf8').split(
  /^## (?:Threats|What is not defended)$/m,
)
const rows = threats!
  .split('\n')
  .filter((line) => /^\| (?!threat )/.test(line))
  .map((line) => line.split(' | '))

describe('SECURITY.md', () => {
  test('threats - have an answer and name rules, and nothing else, as its proof', () => {
    expect(rows.length).toBeGreaterThan(10)
    for (const row of rows) {
      expect(row).toHaveLength(3)
      expect(row[2]).toMatch(/^[A-Z]+-[A-Z]+-\d+(, [A-Z]+-[A-Z]+-\d+)* \|$/)
    }
  })

  test('proofs - are rules, of which the test of the specs knows that each has a test', () => {
    const rules = new Set(specRules().map(({ id }) => id))
    const named = rows.flatMap(([, , proof]) => proof!.match(/[A-Z]+-[A-Z]+-\d+/g) ?? [])
    expect(named.filter((id) => !rules.has(id))).toEqual([])
  })
})
