import type { Lane } from '@tidegate/protocol'
import type { Duration, PositiveDuration, SignedDuration } from '../duration.ts'
import type { FieldPath } from './field-path.ts'

/** How a window is declared: exactly one of three shapes, what to compute, and how long to wait. */
export type WindowOptions<Data, Aggregated, Gap> =
  | TumblingOptions<Data, Aggregated>
  | HoppingOptions<Data, Aggregated>
  | SessionOptions<Data, Aggregated, Gap>

interface TumblingOptions<Data, Aggregated> extends CommonOptions<Data, Aggregated> {
  /** Buckets of this length, one after the other: `'10s'`. */
  readonly tumbling: PositiveDuration
  /** Shifts the bucket borders, by less than the size: `'-8h'` starts days at 16:00 UTC. */
  readonly offset?: SignedDuration
  readonly hopping?: never
  readonly session?: never
}

interface HoppingOptions<Data, Aggregated> extends CommonOptions<Data, Aggregated> {
  /**
   * A bucket of `size` starts every `slide`. With a slide longer than the size, events between buckets count in none.
   */
  readonly hopping: { readonly size: PositiveDuration; readonly slide: PositiveDuration }
  /** Shifts the bucket starts, by less than the slide. */
  readonly offset?: SignedDuration
  readonly tumbling?: never
  readonly session?: never
}

interface SessionOptions<Data, Aggregated, Gap> extends CommonOptions<Data, Aggregated> {
  /** Events of one key, each less than `gap` after the one before; an event exactly one gap later starts anew. */
  readonly session: { readonly gap: Gap }
  readonly offset?: never
  readonly tumbling?: never
  readonly hopping?: never
}

interface CommonOptions<Data, Aggregated> {
  /** How much older than the newest event an event may be and still be on time. Every pane waits this long. */
  readonly outOfOrderness?: Duration
  /** How long after a pane an event may still revise it. Later ones go to `<name>.late`. */
  readonly allowedLateness?: Duration
  /**
   * Whose newest event `outOfOrderness` is counted from: the `partition`'s (the default), or that of every `source` or
   * every `key` by itself, the slowest active one deciding. For fleets whose clocks differ by more than one would wait.
   */
  readonly watermark?: 'partition' | 'source' | 'key'
  /**
   * With clocks per `source` or `key`: how far one may be behind the largest time seen and still hold the window back,
   * default an hour. One further behind is waited for no more; `/readyz` of the worker names it.
   */
  readonly maxBehind?: PositiveDuration
  /** Early panes of what has changed, this often. Absent: panes when a window closes. */
  readonly emit?: { readonly every: PositiveDuration }
  /**
   * What a further pane of a window holds: everything so far (`accumulating`, the default) or what came since the pane
   * before.
   */
  readonly accumulation?: 'accumulating' | 'discarding'
  /**
   * Which events count. The version stands beside the function that it stands for, so that one cannot be given without
   * the other: raise it whenever the function changes.
   */
  readonly where?: { readonly version: number; readonly keep: (data: Data) => boolean }
  /**
   * Absent: one group per event key. `null`: one group over all keys. A field that holds strings: one group per value.
   */
  readonly groupBy?: null | FieldPath<Data, string>
  /** Groups that one window may hold in one partition. An event that would open one more goes to `<name>.late`. */
  readonly maxKeys?: number
  /** States that one partition may hold of this window, all times and groups together. As with `maxKeys`. */
  readonly maxOpen?: number
  /** What a pane holds: names of your own, and how each is computed, such as `{ avg: { avg: 'temperature' }, n: 'count' }`. */
  readonly aggregate: Aggregated
  /** The lane of its panes. Default `normal`. */
  readonly priority?: Lane
  /** How long its panes and late events are kept, from when they were stored. */
  readonly retention?: PositiveDuration
}

/** What a config file may hand over instead: it is not type-checked when it is loaded. */
export type UncheckedOptions = Readonly<Partial<Record<WindowOption, unknown>>>

export const WINDOW_OPTIONS = [
  'tumbling',
  'hopping',
  'session',
  'offset',
  'outOfOrderness',
  'allowedLateness',
  'watermark',
  'maxBehind',
  'emit',
  'accumulation',
  'where',
  'groupBy',
  'maxKeys',
  'maxOpen',
  'aggregate',
  'priority',
  'retention',
] as const satisfies readonly (keyof WindowOptions<unknown, unknown, PositiveDuration>)[]

type WindowOption = (typeof WINDOW_OPTIONS)[number]
