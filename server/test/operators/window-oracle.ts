import fc from 'fast-check'
import type { WindowSpec } from '../../src/config/model.ts'

export interface Timed {
  readonly key: string
  readonly time: number
  /** Multiple of 1/64. */
  readonly v: number
}

export const SIZE = 10
export const OFFSET = 3

export function windowSpec(allowedLatenessMs: number, groupBy: WindowSpec['groupBy'] = 'key'): WindowSpec {
  return {
    type: 'tumbling',
    sizeMs: SIZE,
    offsetMs: OFFSET,
    outOfOrdernessMs: 0,
    allowedLatenessMs,
    groupBy,
    aggregate: {
      count: { fn: 'count' },
      sum: { fn: 'sum', field: 'v' },
      min: { fn: 'min', field: 'v' },
      max: { fn: 'max', field: 'v' },
    },
  }
}

export const timed: fc.Arbitrary<Timed> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  time: fc.integer({ min: -40, max: 40 }),
  v: fc.integer({ min: -640, max: 640 }).map((n) => n / 64),
})

/** Results by `start/group`, computed from all events at once. */
export function recompute(events: readonly Timed[], groupOf: (event: Timed) => string): Map<string, object> {
  const groups = new Map<string, Timed[]>()
  for (const event of events) {
    const start = Math.floor((event.time - OFFSET) / SIZE) * SIZE + OFFSET
    const group = `${start}/${groupOf(event)}`
    groups.set(group, [...(groups.get(group) ?? []), event])
  }
  return new Map(
    [...groups].map(([group, members]) => {
      const values = members.map(({ v }) => v)
      const sum = values.reduce((a, b) => a + b, 0)
      return [group, { count: values.length, sum, min: Math.min(...values), max: Math.max(...values) }]
    }),
  )
}
