import { describe, expect, it } from 'vitest'
import { runExactness } from '../src/exactness/exactness.ts'

describe('exactness', () => {
  it('loses, doubles and miscalculates nothing while workers and the gateway are killed and Redis is restarted', async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const report = await runExactness({ seed, events: 9_000, publishMs: 6_000 }, () => {})
    expect(report).toMatchObject({ seed, lost: 0, twice: 0, late: 0, gapReasons: [], paneFaults: [], ok: true })
    expect(report.framesRepeated).toBeGreaterThan(0)
  }, 180_000)
})
