import { describe, expect, it } from 'vitest'
import { KEEPING_UP, type Pressure, pressureOf, stepSlowness } from '../../../src/delivery/queue/slowness.ts'

function levels(maxLevel: number, ...steps: readonly [at: number, pressure: Pressure][]): number[] {
  let slowness = KEEPING_UP
  return steps.map(([at, pressure]) => {
    slowness = stepSlowness(slowness, pressure, at, maxLevel)
    return slowness.level
  })
}

describe('slowness', () => {
  it('D-SLOW-1 a level is entered at once, up to the last of the policy', () => {
    expect(levels(2, [0, 'high'], [0, 'high'], [0, 'high'])).toEqual([1, 2, 2])
    expect(levels(0, [0, 'high'])).toEqual([0])
  })

  it('D-SLOW-1 a level is left after a second in a row of little waiting, one at a time', () => {
    expect(levels(2, [0, 'high'], [0, 'high'], [100, 'low'], [1_099, 'low'], [1_100, 'low'], [2_100, 'low'])).toEqual([
      1, 2, 2, 2, 1, 0,
    ])
  })

  it('D-SLOW-1 anything else in between starts the second anew', () => {
    expect(
      levels(1, [0, 'high'], [100, 'low'], [900, 'middle'], [1_200, 'low'], [2_100, 'low'], [2_200, 'low']),
    ).toEqual([1, 1, 1, 1, 1, 0])
  })

  it('is pressed from its limit on and calm below a quarter of it', () => {
    expect([1, 0.99, 0.25, 0.24].map(pressureOf)).toEqual(['high', 'middle', 'middle', 'low'])
  })
})
