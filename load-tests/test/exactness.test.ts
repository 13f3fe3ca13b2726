import { describe, expect, it } from 'vitest'
import { runExactness, unexplainedOf } from '../src/exactness/exactness.ts'

describe('exactness', () => {
  it('explains a loss by gaps of its own topic alone', () => {
    const losses = { 'sensor.reading': 3, 'sensor.hot': 1 }
    const withheld = new Map([['sensor.reading', 4]])
    expect(unexplainedOf(losses, withheld)).toEqual([
      'sensor.reading: 3 lost, 4 counted by gaps',
      'sensor.hot: 1 lost, 0 counted by gaps',
    ])
    withheld.set('sensor.reading', 3).set('sensor.hot', 1)
    expect(unexplainedOf(losses, withheld)).toEqual([])
  })

  it('loses, doubles and miscalculates nothing while workers and the gateway are killed and Redis is restarted', async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const report = await runExactness({ seed, events: 9_000, publishMs: 6_000 }, () => {})
    expect(report).toMatchObject({ seed, lost: 0, twice: 0, late: 0, gapReasons: [], paneFaults: [], ok: true })
    expect(report.framesRepeated).toBeGreaterThan(0)
  }, 180_000)
})
