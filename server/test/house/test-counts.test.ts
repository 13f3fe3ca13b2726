import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { REPOSITORY } from '../../../scripts/source-files.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidegate-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function lastLine(report: string, status: number): string {
  const file = join(folder, 'report.json')
  writeFileSync(file, report)
  return execFileSync('node', [join(REPOSITORY, 'scripts/test-counts.js'), file, `${status}`], { encoding: 'utf8' })
}

const file = (status: string, ...assertionResults: string[]) => ({ status, assertionResults })

test.each([
  [
    'a green run',
    { numPassedTests: 12, numFailedTests: 0, testResults: [file('passed', 'x')] },
    0,
    '12 passed, 0 failed',
  ],
  [
    'tests of which some do not pass',
    { numPassedTests: 3, numFailedTests: 2, testResults: [file('failed', 'x')] },
    1,
    '3 passed, 2 failed',
  ],
  [
    'a file that does not load',
    { numPassedTests: 3, numFailedTests: 0, testResults: [file('failed')] },
    1,
    '3 passed, 1 failed',
  ],
  ['an error outside of tests', { numPassedTests: 3, numFailedTests: 0, testResults: [] }, 1, '3 passed, 1 failed'],
])('test counts - of %s', (_, report, status, line) => {
  expect(lastLine(JSON.stringify(report), status)).toBe(`${line}\n`)
})

test('test counts - of a run that wrote no report', () => {
  expect(lastLine('', 1)).toBe('0 passed, 1 failed\n')
})
