import { describe, expect, it } from 'vitest'
import { runSchedule } from '../src/crashes/run-schedule.ts'

describe('crash schedules', () => {
  it('end in what a recompute of the log gives', async () => {
    const seed = Math.floor(Math.random() * 1_000_000)
    const { faults, panes, late, reactions } = await runSchedule(seed)
    expect({ seed, faults }).toEqual({ seed, faults: [] })
    expect(panes).toBeGreaterThan(1_000)
    expect(late).toBeGreaterThan(50)
    expect(reactions).toBeGreaterThan(50)
  }, 90_000)
})
