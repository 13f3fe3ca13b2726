import { expect, it } from 'vitest'
import type { FlowStep } from '../../src/config/contract/model.ts'
import { applyFlow } from '../../src/operators/index.ts'

const steps: FlowStep[] = [
  { op: 'map', apply: (data) => ({ n: (data as { n: number }).n * 2 }) },
  { op: 'filter', apply: (data) => (data as { n: number }).n > 4 },
  { op: 'map', apply: (data) => ({ n: (data as { n: number }).n + 1 }) },
]

it('O-FLOW-1 flow - runs its steps in order and drops what a filter refuses', () => {
  expect(applyFlow(steps, { n: 3 })).toEqual({ n: 7 })
  expect(applyFlow(steps, { n: 2 })).toBeUndefined()
  expect(applyFlow([], { n: 1 })).toEqual({ n: 1 })
})
