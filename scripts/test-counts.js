/** Prints `N passed, N failed` from vitest's JSON report and the exit status of the run. Plain JavaScript: it runs even when `npm ci` failed. */
import { readFileSync } from 'node:fs'

const [, , reportFile, status] = process.argv
const { numPassedTests: passed = 0, numFailedTests = 0, testResults = [] } = readReport(reportFile)
const unloaded = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
// Errors outside of any test fail the run too.
const failed = Math.max(numFailedTests + unloaded, status === '0' ? 0 : 1)
console.log(`${passed} passed, ${failed} failed`)

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}
