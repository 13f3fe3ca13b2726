import type { Lane } from '@tidegate/protocol'
import type { ZodType, z } from 'zod'
import type { Aggregates, PaneValue, StringField } from './aggregate.ts'
import { ConfigError } from './config-error.ts'
import type { Declaration } from './declaration.ts'
import type { Duration, PositiveDuration, SignedDuration } from './duration.ts'
import type { FlowStep, Pane } from './model.ts'

/** What a client may know of one topic. */
export interface TopicEntry {
  readonly name: string
  readonly data: unknown
  readonly publishable: boolean
}

interface Entry<Name extends string, Data, Publishable extends boolean> {
  readonly name: Name
  readonly data: Data
  readonly publishable: Publishable
}

/** Anything that may stand in `defineConfig({ topics })`. */
export interface AnyTopic {
  readonly name: string
  readonly '~declaration': Declaration
  /** Exists for types only. */
  readonly '~entries': TopicEntry
}

interface DeclaredTopic<Entries extends TopicEntry> extends AnyTopic {
  readonly '~entries': Entries
}

/** Events that stateless operators can read. The functions run in the worker and MUST be pure. */
interface Stream<Data> {
  map<Out extends object>(apply: (data: Data) => Out): Flow<Out>
  filter<Out extends Data>(keep: (data: Data) => data is Out): Flow<Out>
  filter(keep: (data: Data) => boolean): Flow<Data>
}

interface Flow<Data> extends Stream<Data> {
  /** Gives the flow a topic of its own: same keys and partitions as its input. */
  to<const Name extends string>(name: Name, options: FlowOptions<Data>): ResultTopic<Entry<Name, Data, false>, Data>
}

interface ResultTopic<Entries extends TopicEntry, Data> extends DeclaredTopic<Entries>, Stream<Data> {}

interface SourceTopic<Name extends string, Data> extends ResultTopic<Entry<Name, Data, true>, Data> {
  /** Folds the events of each event-time bucket; every result is an event of the new topic, with a `Pane` as its data. */
  window<const Window extends string, const Aggregated extends Aggregates<Data>>(
    name: Window,
    options: WindowOptions<Aggregated>,
  ): ResultTopic<
    Entry<Window, Pane<PaneValue<Aggregated>>, false> | Entry<`${Window}.late`, Data, false>,
    Pane<PaneValue<Aggregated>>
  >
}

export interface SourceOptions<Schema extends ZodType<object>> {
  readonly schema: Schema
  /** The field that decides the partition. Order holds per key. */
  readonly key: StringField<z.output<Schema>>
  /** Decides the lane once, at ingest. Default `normal`. */
  readonly priority?: Lane | ((data: z.output<Schema>) => Lane)
  readonly retention?: PositiveDuration
}

export interface FlowOptions<Data> {
  readonly priority?: Lane | ((data: Data) => Lane)
  /** Stands for the functions of the flow: raise it whenever one of them changes. */
  readonly version: number
  readonly retention?: PositiveDuration
}

export interface WindowOptions<Aggregated> {
  readonly tumbling: PositiveDuration
  /** Shifts the bucket borders, by less than the size: `'-8h'` starts days at 16:00 UTC. */
  readonly offset?: SignedDuration
  /** How much older than the newest event an event may be and still be on time. Every pane waits this long. */
  readonly outOfOrderness?: Duration
  /** How long after a pane an event may still revise it. Later ones go to `<name>.late`. */
  readonly allowedLateness?: Duration
  /** `null`: one group over all keys. Absent: one group per key. */
  readonly groupBy?: null
  readonly aggregate: Aggregated
  readonly priority?: Lane
  readonly retention?: PositiveDuration
}

/** Declares a topic that clients publish to. Checked when `defineConfig` is called. */
export function topic<const Name extends string, Schema extends ZodType<object>>(
  name: Name,
  options: SourceOptions<Schema>,
): SourceTopic<Name, z.output<Schema>> {
  const { schema, key, priority, retention } = options
  const declaration: Declaration = { kind: 'source', name, schema, key, priority, retention }
  return {
    ...declared<Entry<Name, z.output<Schema>, true>>(declaration),
    ...stream<z.output<Schema>>(declaration, []),
    window(windowName, window) {
      const { tumbling, offset, outOfOrderness, allowedLateness, groupBy, aggregate } = window
      return result({
        kind: 'window',
        name: windowName,
        from: declaration,
        tumbling,
        offset,
        outOfOrderness,
        allowedLateness,
        groupBy,
        aggregate,
        priority: window.priority,
        retention: window.retention,
      })
    },
  }
}

function stream<Data>(from: Declaration, steps: readonly FlowStep[]): Stream<Data> {
  return {
    map: (apply: (data: never) => unknown) => flow(from, [...steps, { op: 'map', apply: apply as FlowMap }]),
    filter: (keep: (data: never) => boolean) => flow(from, [...steps, { op: 'filter', apply: keep as FlowFilter }]),
  } as Stream<Data>
}

type FlowMap = (data: unknown) => unknown
type FlowFilter = (data: unknown) => boolean

function flow<Data>(from: Declaration, steps: readonly FlowStep[]): Flow<Data> {
  return {
    ...stream<Data>(from, steps),
    to(name, { priority, version, retention }) {
      return result({ kind: 'flow', name, from, steps, version, priority, retention })
    },
  }
}

function result<Entries extends TopicEntry, Data>(declaration: Declaration): ResultTopic<Entries, Data> {
  const refused = {
    /** Not in the type. The config file is not type-checked when it is loaded, so the call itself must explain. */
    window(name: string): never {
      const message = `a window reads a topic that clients publish to, not the result ${declaration.name}; window its source`
      throw new ConfigError([{ code: 'bad_window', topic: name, message }])
    },
  }
  return { ...declared<Entries>(declaration), ...stream<Data>(declaration, []), ...refused }
}

function declared<Entries extends TopicEntry>(declaration: Declaration): DeclaredTopic<Entries> {
  return { name: declaration.name, '~declaration': declaration, '~entries': undefined as never }
}
