import type { FlowStep } from '../config/contract/model.ts'

/**
 * Runs one event's data through the steps of a flow; `undefined` when a filter drops it.
 *
 * @throws what a step throws.
 */
export function applyFlow(steps: readonly FlowStep[], data: unknown): unknown {
  let value = data
  for (const step of steps) {
    if (step.op === 'map') value = step.apply(value)
    else if (!step.apply(value)) return undefined
  }
  return value
}
