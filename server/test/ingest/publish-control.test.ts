import { describe, expect, it } from 'vitest'
import { longestWaitMs } from '../../src/ingest/append-wait.ts'
import { PublishControl } from '../../src/ingest/index.ts'

const FULL = { frames: 64, bytes: 1_048_576 }
const LEAST = { frames: 4, bytes: 65_536 }

/** Looks every 100 ms for some time; returns what publishers were told. */
function observe(control: PublishControl, appendMs: number, from: number, forMs: number) {
  const told = []
  for (let now = from; now < from + forMs; now += 100) {
    const change = control.observe(appendMs, now)
    if (change !== undefined) told.push({ now, ...change })
  }
  return told
}

describe('longest wait', () => {
  const wait = (longestMs: number, hasAnswered: boolean) => ({ longestMs, hasAnswered })

  it('G-PUBLISH-6 is that of partitions whose Redis answers; of all where none does', () => {
    expect(longestWaitMs([wait(20, true), wait(900, false), wait(70, true), wait(0, false)])).toBe(70)
    expect(longestWaitMs([wait(0, false), wait(900, false)])).toBe(900)
    expect(longestWaitMs([])).toBe(0)
  })
})

describe('publish control', () => {
  it('G-PUBLISH-6 halves the grant step by step while appends are slow, and no further than to the least', () => {
    const control = new PublishControl()
    expect(control.grant).toEqual(FULL)
    const told = observe(control, 400, 0, 5_000)
    expect(told.map(({ now, publish, retryAfterMs }) => [now, publish.frames, retryAfterMs])).toEqual([
      [0, 32, 400],
      [300, 16, 400],
      [600, 8, 400],
      [900, 4, 400],
    ])
    expect(control.grant).toEqual(LEAST)
  })

  it('G-PUBLISH-6 grows it again once they are fast, a step a second', () => {
    const control = new PublishControl()
    observe(control, 5_000, 0, 5_000)
    expect(observe(control, 100, 5_000, 60_000)).toEqual([])
    const told = observe(control, 20, 65_000, 10_000)
    expect(told.map(({ now, publish, retryAfterMs }) => [now, publish.frames, retryAfterMs])).toEqual([
      [65_000, 8, 0],
      [66_000, 16, 0],
      [67_000, 32, 0],
      [68_000, 64, 0],
    ])
    expect(control.grant).toEqual(FULL)
  })

  it('G-PUBLISH-6 asks for the larger grant as long as a client may not know the smaller one', () => {
    const control = new PublishControl()
    expect(control.enforced(0)).toEqual(FULL)
    observe(control, 400, 0, 1_000)
    expect(control.enforced(1_000)).toEqual(FULL)
    expect(control.enforced(2_899)).toEqual(FULL)
    expect(control.enforced(2_900)).toEqual(LEAST)
  })
})
