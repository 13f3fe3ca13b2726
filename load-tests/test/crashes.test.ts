import { describe, expect, it } from 'vitest'
import { runSchedule } from '../src/crashes/run-schedule.ts'

describe('crash schedules', () => {
  it('end in what a recompute of the log gives', async () => {
    const first = Math.floor(Math.random() * 1_000_000)
    const reports = await Promise.all([first, first + 1].map(runSchedule))
    for (const { seed, faults, panes, late } of reports) {
      expect({ seed, faults }).toEqual({ seed, faults: [] })
      expect(panes).toBeGreaterThan(1_000)
      expect(late).toBeGreaterThan(50)
    }
  }, 90_000)
})
