import type { Lane } from '@tidegate/protocol'
import type { ZodType, z } from 'zod'
import type { FlowStep, Pane, Presence, WithdrawnPane } from '../contract/model.ts'
import type { PositiveDuration } from '../duration.ts'
import type { Aggregates, PaneValue } from './aggregate.ts'
import { callPlace } from './call-place.ts'
import type { Declaration } from './declaration.ts'
import type { KeyField } from './field-path.ts'
import type { WindowOptions } from './window-options.ts'

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
  to<const Name extends string>(name: Name, options: FlowOptions<Data>): Topic<Entry<Name, Data, false>, Data>
}

/** A declared topic: events to read, and the beginning of flows and windows over them. */
interface Topic<Entries extends TopicEntry, Data> extends DeclaredTopic<Entries>, Stream<Data> {
  /** Exists for types only. */
  readonly '~data': Data
  /** Folds the events of each window; every result is an event of the new topic, with a `Pane` as its data. */
  window<
    const Name extends string,
    const Aggregated extends Aggregates<Data>,
    Gap extends PositiveDuration | undefined = undefined,
  >(
    name: Name,
    options: WindowOptions<Data, Aggregated, Gap>,
  ): WindowTopic<Name, Data, PaneData<PaneValue<Data, Aggregated>, Gap>>
}

type WindowTopic<Name extends string, Data, Result> = Topic<
  Entry<Name, Result, false> | Entry<`${Name}.late`, Data, false>,
  Result
>

/** Sessions grow together, so that one's pane may have to be taken back. */
type PaneData<Value, Gap> = Gap extends PositiveDuration ? Pane<Value> | WithdrawnPane : Pane<Value>

/**
 * A zod schema of objects, recognised by the members used here: comparing each schema with the whole of `ZodType` took
 * the compiler most of its time on a config.
 */
interface ObjectSchema {
  readonly _zod: { readonly output: object }
}

export interface SourceOptions<Schema extends ObjectSchema, Shown extends PresenceOption = false> {
  /** What `data` of an event must be: a zod object. Events that do not fit are refused. */
  readonly schema: Schema
  /** The field that decides the partition. Order holds per key. */
  readonly key: KeyField<z.output<Schema>>
  /** Decides the lane once, at ingest. Default `normal`. */
  readonly priority?: Lane | ((data: z.output<Schema>) => Lane)
  /** How long its events are kept, from when they were stored. */
  readonly retention?: PositiveDuration
  /**
   * How far an event's time may lie ahead of the gateway's clock, default 5 s; later ones are refused
   * (`time_in_future`). A clock that is ahead closes windows that much too soon for everybody.
   */
  readonly maxFuture?: PositiveDuration
  /**
   * Adds the topic `<name>.presence`: who is subscribed to this one, with a snapshot and every change. A gateway lists at most
   * `maxEntries` subjects, default 1,000, and counts the connections of others.
   */
  readonly presence?: Shown
}

export type PresenceOption = boolean | { readonly maxEntries?: number }

type PresenceEntry<Name extends string, Shown> = [Shown] extends [false | undefined]
  ? never
  : Entry<`${Name}.presence`, Presence, false>

export interface FlowOptions<Data> {
  /** The lane of its events. Default `normal`. */
  readonly priority?: Lane | ((data: Data) => Lane)
  /** Stands for the functions of the flow: raise it whenever one of them changes. */
  readonly version: number
  /** How long its events are kept, from when they were stored. */
  readonly retention?: PositiveDuration
}

/** Declares a topic that clients publish to. Checked when `defineConfig` is called. */
export function topic<
  const Name extends string,
  Schema extends ObjectSchema,
  const Shown extends PresenceOption = false,
>(
  name: Name,
  options: SourceOptions<Schema, Shown>,
): Topic<Entry<Name, z.output<Schema>, true> | PresenceEntry<Name, Shown>, z.output<Schema>> {
  const { schema, key, priority, retention, maxFuture, presence } = { ...options }
  return declared({
    kind: 'source',
    ...{ name, options, place: callPlace(topic) },
    ...{ schema: schema as unknown as ZodType, key, priority, retention, maxFuture, presence },
  })
}

/**
 * A window over the events of several topics. It may use the fields that all of them have; groups are by event key, so
 * that events of one key meet whichever topic they came by.
 */
export function windowOf<
  const Inputs extends readonly Readable[],
  const Name extends string,
  const Aggregated extends Aggregates<Inputs[number]['~data']>,
  Gap extends PositiveDuration | undefined = undefined,
>(
  inputs: Inputs,
  name: Name,
  options: WindowOptions<Inputs[number]['~data'], Aggregated, Gap>,
): WindowTopic<Name, Inputs[number]['~data'], PaneData<PaneValue<Inputs[number]['~data'], Aggregated>, Gap>> {
  const from = inputs.map((input) => input['~declaration'])
  return declared({ kind: 'window', name, from, options, place: callPlace(windowOf) })
}

interface Readable extends AnyTopic {
  readonly '~data': object
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
    to(name, options) {
      const { priority, version, retention } = { ...options }
      const place = callPlace(this.to)
      return declared({ kind: 'flow', name, options, place, from, steps, version, priority, retention })
    },
  }
}

function declared<Entries extends TopicEntry, Data>(declaration: Declaration): Topic<Entries, Data> {
  return {
    ...stream<Data>(declaration, []),
    name: declaration.name,
    '~declaration': declaration,
    '~entries': undefined as never,
    '~data': undefined as never,
    window(name, options) {
      return declared({ kind: 'window', name, from: [declaration], options, place: callPlace(this.window) })
    },
  }
}
