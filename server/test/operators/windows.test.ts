import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { END_OF_TIME } from '../../src/operators/index.ts'
import { Oracle, type Step, spec, steps } from './window-oracle.ts'
import { WindowRun } from './window-run.ts'

/** Runs the steps, with and without the restarts among them. */
function run(spec: WindowRun['spec'], steps: readonly Step[], restarts: boolean) {
  const window = new WindowRun(spec)
  const oracle = new Oracle(spec)
  let watermark = -70
  for (const step of steps) {
    switch (step.kind) {
      case 'bundle':
        expect(window.add(...step.events)).toEqual(step.events.map((event) => oracle.add(event)))
        break
      case 'watermark':
        watermark += step.ahead
        window.advance(watermark)
        oracle.advance(watermark)
        break
      case 'early':
        if (spec.emitEveryMs !== undefined) window.flush()
        break
      case 'restart':
        if (restarts) window.restart((fields) => fields.reverse())
    }
  }
  window.advance(END_OF_TIME)
  return { window, oracle }
}

const panesOf = ({ emitted }: WindowRun) => emitted.map((emission) => JSON.stringify(emission)).sort()
const sorted = (results: Map<string, object>) => [...results].sort(([a], [b]) => (a < b ? -1 : 1))

describe('windows of every shape', () => {
  it('O-WINDOW-5 O-WINDOW-6 hold in the end what a recompute gives, wherever they restart, and keep nothing', () => {
    fc.assert(
      fc.property(spec, steps, (spec, steps) => {
        const { window, oracle } = run(spec, steps, true)
        const results = window.results()
        if (spec.type === 'session' && spec.accumulation === 'discarding') {
          // Deltas of sessions are not withdrawn: only their sum is certain.
          const total = (of: Map<string, object>) =>
            [...of.values()].reduce((sum, value) => sum + (value as { count: number }).count, 0)
          expect(total(results)).toBe(total(oracle.results()))
        } else expect(sorted(results)).toEqual(sorted(oracle.results()))
        expect(window.window.openCount).toBe(0)
        expect(window.stored.size).toBe(0)
      }),
      { numRuns: 2_000 },
    )
  })

  it('O-WINDOW-7 put out the same panes with a restart anywhere as without one', () => {
    fc.assert(
      fc.property(spec, steps, (spec, steps) => {
        expect(panesOf(run(spec, steps, true).window)).toEqual(panesOf(run(spec, steps, false).window))
      }),
      { numRuns: 1_000 },
    )
  })

  it('O-WINDOW-7 put out the same panes when a close goes out in pieces with a restart between any two', () => {
    const bundles = steps.map((all) => all.flatMap((step) => (step.kind === 'bundle' ? step.events : [])))
    fc.assert(
      fc.property(spec, bundles, fc.integer({ min: 1, max: 3 }), (spec, events, limit) => {
        const [whole, pieces] = [new WindowRun(spec), new WindowRun(spec)]
        for (const run of [whole, pieces]) run.add(...events)
        whole.advance(10)
        pieces.advanceInPieces(10, limit)
        for (const run of [whole, pieces]) run.add(...events)
        whole.advance(END_OF_TIME)
        pieces.advanceInPieces(END_OF_TIME, limit)
        expect(panesOf(pieces)).toEqual(panesOf(whole))
        expect(pieces.stored.size).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })
})
