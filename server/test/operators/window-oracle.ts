import fc from 'fast-check'
import type { WindowShape, WindowSpec } from '../../src/config/contract/model.ts'

export interface Timed {
  readonly key: string
  readonly time: number
  /** Multiple of 1/64. */
  readonly v: number
}

export const timed: fc.Arbitrary<Timed> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  time: fc.integer({ min: -60, max: 60 }),
  v: fc.integer({ min: -640, max: 640 }).map((n) => n / 64),
})

/** One step of a run: events that arrive together, then what else happens. */
export type Step =
  | { readonly kind: 'bundle'; readonly events: readonly Timed[] }
  | { readonly kind: 'watermark'; readonly ahead: number }
  | { readonly kind: 'early' }
  | { readonly kind: 'restart' }

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.array(timed, { maxLength: 4 }).map((events): Step => ({ kind: 'bundle', events })) },
    { weight: 3, arbitrary: fc.nat(30).map((ahead): Step => ({ kind: 'watermark', ahead })) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'early' }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'restart' }) },
  ),
  { maxLength: 25 },
)

const size = fc.integer({ min: 1, max: 25 })

export const shape: fc.Arbitrary<WindowShape> = fc.oneof(
  size.chain((sizeMs) =>
    fc
      .integer({ min: 1 - sizeMs, max: sizeMs - 1 })
      .map((offsetMs): WindowShape => ({ type: 'tumbling', sizeMs, offsetMs })),
  ),
  fc
    .tuple(size, size)
    .chain(([sizeMs, slideMs]) =>
      fc
        .integer({ min: 1 - slideMs, max: slideMs - 1 })
        .map((offsetMs): WindowShape => ({ type: 'hopping', sizeMs, slideMs, offsetMs })),
    ),
  size.map((gapMs): WindowShape => ({ type: 'session', gapMs })),
)

export const spec: fc.Arbitrary<WindowSpec> = fc
  .record({
    shape,
    allowedLatenessMs: fc.oneof(fc.constant(0), fc.nat(40)),
    accumulation: fc.constantFrom('accumulating' as const, 'discarding' as const),
    early: fc.boolean(),
  })
  .map(({ shape, allowedLatenessMs, accumulation, early }) => ({
    ...windowSpec(allowedLatenessMs),
    ...shape,
    accumulation,
    ...(early && { emitEveryMs: 1 }),
  }))

export const SIZE = 10
export const OFFSET = 3

export function windowSpec(allowedLatenessMs: number) {
  return {
    type: 'tumbling',
    sizeMs: SIZE,
    offsetMs: OFFSET,
    outOfOrdernessMs: 0,
    allowedLatenessMs,
    accumulation: 'accumulating',
    clockPer: 'partition',
    groupBy: 'key',
    maxKeys: 1_000,
    maxOpen: 10_000,
    aggregate: {
      count: { fn: 'count' },
      sum: { fn: 'sum', field: 'v' },
      min: { fn: 'min', field: 'v' },
      max: { fn: 'max', field: 'v' },
    },
  } as const
}

export function aggregateOf(events: readonly Timed[]): object {
  const values = events.map(({ v }) => v)
  const sum = values.reduce((a, b) => a + b, 0)
  return { count: values.length, sum, min: Math.min(...values), max: Math.max(...values) }
}

/** Tumbling results by `start/group`, computed from all events at once. */
export function recompute(events: readonly Timed[], groupOf: (event: Timed) => string): Map<string, object> {
  const groups = new Map<string, Timed[]>()
  for (const event of events) {
    const start = Math.floor((event.time - OFFSET) / SIZE) * SIZE + OFFSET
    const group = `${start}/${groupOf(event)}`
    groups.set(group, [...(groups.get(group) ?? []), event])
  }
  return new Map([...groups].map(([group, members]) => [group, aggregateOf(members)]))
}

interface OracleWindow {
  readonly key: string
  start: number
  end: number
  events: Timed[]
}

/**
 * What windows hold, the slow and obvious way: every event is put into every window it belongs to, all of them are kept,
 * and what is forgotten is decided by comparing with the watermark.
 */
export class Oracle {
  readonly #spec: WindowSpec
  readonly #windows: OracleWindow[] = []
  #watermark = Number.NEGATIVE_INFINITY

  constructor(spec: WindowSpec) {
    this.#spec = spec
  }

  advance(watermark: number): void {
    this.#watermark = Math.max(this.#watermark, watermark)
  }

  /** The windows that hold something, as `key/start/end`, with what they hold. */
  results(): Map<string, object> {
    return new Map(this.#windows.map(({ key, start, end, events }) => [`${key}/${start}/${end}`, aggregateOf(events)]))
  }

  add(event: Timed): 'added' | 'late' | 'none' {
    const own = this.#windowsOf(event.time)
    if (own.length === 0) return 'none'
    const open = own.flatMap(([start, end]) => {
      const joined = this.#spec.type === 'session' ? this.#join(event.key, start, end) : undefined
      const window = joined ?? { key: event.key, start, end, events: [] }
      return this.#isForgotten(window.end) ? [] : [window]
    })
    for (const { key, start, end, events } of open) {
      const known = this.#windows.find((each) => each.key === key && each.start === start && each.end === end)
      if (known !== undefined) known.events.push(event)
      else this.#windows.push({ key, start, end, events: [...events, event] })
    }
    return open.length === 0 ? 'late' : 'added'
  }

  #windowsOf(t: number): [number, number][] {
    const shape = this.#spec
    if (shape.type === 'session') return [[t, t + shape.gapMs]]
    const slide = shape.type === 'hopping' ? shape.slideMs : shape.sizeMs
    const windows: [number, number][] = []
    for (let n = Math.floor((t - shape.offsetMs - shape.sizeMs) / slide); ; n++) {
      const start = shape.offsetMs + n * slide
      if (start > t) return windows
      if (t < start + shape.sizeMs) windows.push([start, start + shape.sizeMs])
    }
  }

  /** Takes out the live sessions that overlap `[start, end)` and returns what they are together with it. */
  #join(key: string, start: number, end: number): OracleWindow {
    const joined: OracleWindow = { key, start, end, events: [] }
    for (const window of [...this.#windows]) {
      if (window.key !== key || this.#isForgotten(window.end) || window.start >= end || start >= window.end) continue
      this.#windows.splice(this.#windows.indexOf(window), 1)
      joined.start = Math.min(joined.start, window.start)
      joined.end = Math.max(joined.end, window.end)
      joined.events.push(...window.events)
    }
    return joined
  }

  #isForgotten(end: number): boolean {
    return end + this.#spec.allowedLatenessMs <= this.#watermark
  }
}
