import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { specRules } from '../../../scripts/spec-ids.ts'

/** Tables of which the last column names rules. */
const PAGES = ['SECURITY.md', 'docs/limits.md']
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

  test.each(PAGES)('%s - proofs are rules, of which the test of the specs knows that each has a test', (page) => {
    const rules = new Set(specRules().map(({ id }) => id))
    const proofs = readFileSync(join(REPOSITORY, page), 'utf8').match(/\| [A-Z]+-[A-Z]+-\d+.*\|$/gm) ?? []
    const named = proofs.flatMap((proof) => proof.match(/\b[A-Z]+-[A-Z]+-\d+/g)!)
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((id) => !rules.has(id))).toEqual([])
  })
})
