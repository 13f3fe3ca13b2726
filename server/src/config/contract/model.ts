import type { Lane } from '@tidegate/protocol'
import type { ResolvedAccess } from '../access/access-model.ts'
import type { PlainObject } from '../schema/plain-schema.ts'
import type { Validation } from '../schema/validation.ts'
import type { CustomAggregate } from './custom-aggregate.ts'
import type { EntityDefinition } from './entity-model.ts'

/**
 * The contract at run time: what `defineConfig` resolves the declared topics to. Gateways, workers and the CLI read
 * only this. Window specs are plain data; anything holding a function carries a `version` that stands for it.
 */
export interface Contract {
  /** Every topic, results and late topics included, by name; iteration follows the topic DAG, inputs first. */
  readonly topics: ReadonlyMap<string, TopicDefinition>
  /** Every entity, by name. */
  readonly entities: ReadonlyMap<string, EntityDefinition>
  /** What callers may do. Only gateways apply it, so it is no part of the hash. */
  readonly access: ResolvedAccess
  /** 16 hex digits over everything that gateway and worker must agree on. */
  readonly hash: string
}

export type TopicDefinition = SourceTopic | FlowTopic | WindowTopic | LateTopic | EntityTopic | PresenceTopic

interface TopicBase {
  readonly name: string
  /** Entries older than this may be trimmed. */
  readonly retentionMs: number
}

/** A topic that clients publish to. */
export interface SourceTopic extends TopicBase {
  readonly kind: 'source'
  readonly keyField: string
  /** How far an event's time may lie ahead of the gateway's clock. */
  readonly maxFutureMs: number
  /** Validates and normalises one event's data. */
  readonly validate: (data: unknown) => Validation
  readonly laneOf: (data: unknown) => Lane
  /** Says the same as `validate` and `laneOf`; absent where the schema is not plain or the lane depends on the data. */
  readonly plain?: PlainTopic | undefined
  /** JSON Schema of `data`, for people and tools (`GET /v1/topics`). */
  readonly jsonSchema: unknown
}

/** Rules of a topic under which data can be checked without being parsed. */
export interface PlainTopic {
  readonly object: PlainObject
  readonly lane: Lane
}

/** The output of `from.map().filter().to(name)`: stateless, same key and partition as its input. */
export interface FlowTopic extends TopicBase {
  readonly kind: 'flow'
  readonly from: string
  readonly version: number
  readonly steps: readonly FlowStep[]
  readonly laneOf: (data: unknown) => Lane
}

export type FlowStep =
  | { readonly op: 'map'; readonly apply: (data: unknown) => unknown }
  | { readonly op: 'filter'; readonly apply: (data: unknown) => boolean }

/** The panes of a window over the events of all of `from`. */
export interface WindowTopic extends TopicBase {
  readonly kind: 'window'
  /** At least one, none twice. */
  readonly from: readonly string[]
  readonly spec: WindowSpec
  /** Which events count; absent: all. What it leaves out is neither late nor in any window, but moves the clocks. */
  readonly where?: WindowFilter
  /** JSON Schema of a pane's `value`, for people and tools. */
  readonly valueSchema: unknown
  readonly lane: Lane
  /** Where events go whose windows are all forgotten. */
  readonly lateTopic: string
}

export interface WindowFilter {
  readonly version: number
  readonly keep: (data: unknown) => boolean
}

/** Events that came after all their windows were forgotten, or found no room in them, unchanged. */
export interface LateTopic extends TopicBase {
  readonly kind: 'late'
  readonly from: readonly string[]
  readonly window: string
}

/** What becomes of the entities of a name: `events` holds every event, `state` the view as of each commit that changes it. */
export interface EntityTopic extends TopicBase {
  readonly kind: 'state' | 'events'
  readonly entity: string
  readonly lane: Lane
}

/** Who is subscribed to a topic, by subject: an event for each change, and the latest of everybody present. */
export interface PresenceTopic extends TopicBase {
  readonly kind: 'presence'
  /** The topic that they are subscribed to. */
  readonly of: string
  /** Subjects that one gateway lists; the connections of others are only counted. */
  readonly maxEntries: number
  readonly lane: Lane
}

/** The data of an event of a presence topic. */
export interface Presence<State = unknown> {
  /** Of this subject. 0: it has left. */
  readonly connections: number
  /** When it joined, ms since 1970. */
  readonly joinedAt: number
  /** What its connections said of themselves last; absent where none has said anything. */
  readonly state?: State
}

/** Whether a topic has a latest result of every key, all in one lane. */
export function hasLatest(topic: TopicDefinition | undefined): topic is WindowTopic | EntityTopic | PresenceTopic {
  return topic?.kind === 'window' || topic?.kind === 'state' || topic?.kind === 'presence'
}

/** Whether another topic shows who is subscribed to this one. */
export function hasPresence({ topics }: Pick<Contract, 'topics'>, topic: string): boolean {
  return topics.get(presenceTopicName(topic))?.kind === 'presence'
}

export const presenceTopicName = (topic: string): string => `${topic}.presence`

/** The topics that show who is subscribed to others. */
export function presenceTopics({ topics }: Pick<Contract, 'topics'>): PresenceTopic[] {
  return [...topics.values()].filter((topic) => topic.kind === 'presence')
}

/** Which windows an event of time `t` belongs to. All ms. */
export type WindowShape =
  /** `[start, start + size)`, `start = t - floorMod(t - offset, size)`. */
  | { readonly type: 'tumbling'; readonly sizeMs: number; readonly offsetMs: number }
  /**
   * `[start, start + size)` for every `start = offset + n * slide` that holds it. A slide longer than the size leaves
   * gaps.
   */
  | { readonly type: 'hopping'; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs: number }
  /** Per key, from the first event to the last one and `gap`; an event exactly one gap later starts another. */
  | { readonly type: 'session'; readonly gapMs: number }

/**
 * What a window computes, as plain data: hashed, stored beside its state, and replayed by the CLI. A `field` is a path
 * into the event's data: names joined by dots, one level down each.
 */
export type WindowSpec = WindowShape & {
  /**
   * Whose clocks count: the watermark is the least of those that are active. Each runs `outOfOrdernessMs` behind its
   * newest event.
   */
  readonly clockPer: 'partition' | 'source' | 'key'
  readonly outOfOrdernessMs: number
  /** With clocks per source or key: one further behind the largest time seen holds nobody back. Absent: each does. */
  readonly maxBehindMs?: number
  readonly allowedLatenessMs: number
  /** `accumulating`: a pane holds everything so far. `discarding`: what came since the pane before it. */
  readonly accumulation: 'accumulating' | 'discarding'
  /** Early panes of what changed, this often, ms of the clock; absent: panes when a window closes. */
  readonly emitEveryMs?: number
  /**
   * `key`: one group per event key, closed by its own partition. `all`: one over all keys, or one per value of a field
   * that holds strings, merged in two stages.
   */
  readonly groupBy: 'key' | 'all' | { readonly field: string }
  /**
   * Groups of one window and partition. An event that would open one more goes to the late topic; nothing is evicted.
   */
  readonly maxKeys: number
  /** States of all windows of one partition, those kept for late events included. The same holds for one more. */
  readonly maxOpen: number
  /** Pane field -> aggregate, in declaration order. */
  readonly aggregate: Readonly<Record<string, AggregateSpec>>
}

/** What one field of a pane's value is computed from, and how. A pane holds at least one event. */
export type AggregateSpec =
  /** Number of events. */
  | { readonly fn: 'count' }
  /**
   * A number, from a field that holds numbers. `sum` and `avg`: compensated. `stddev`: of the population, by `n`.
   * `rate`: increase of a counter a second. `timeWeightedAvg`: each value counts until the time of the next one.
   */
  | {
      readonly fn: 'sum' | 'avg' | 'min' | 'max' | 'stddev' | 'rate' | 'timeWeightedAvg'
      readonly field: string
    }
  /**
   * From a field that holds strings, numbers or booleans. `first` and `last`: the value of the earliest or latest event
   * time. `distinct`: the number of different values, standard error 1.6 %, exact up to 256. `list`: up to 10,000
   * values, in order of arrival.
   */
  | { readonly fn: 'first' | 'last' | 'distinct' | 'list'; readonly field: string }
  /** `{ p50, p99, ... }`, one for each of `at` (between 0 and 1): within 1 % of a value of that rank. */
  | { readonly fn: 'quantiles'; readonly field: string; readonly at: readonly number[] }
  /**
   * `{ value, count, error }[]`, at most `k`, largest first: the values with the most events, or with the largest sum
   * of the field `by`. `count` is at most `error` too high, and `error` at most 0.2 % of the total.
   */
  | { readonly fn: 'topK'; readonly field: string; readonly k: number; readonly by?: string }
  /** Whatever its `result` returns. It is given the whole data of each event. */
  | { readonly fn: 'custom'; readonly version: number; readonly aggregate: CustomAggregate<unknown, unknown, unknown> }

/** An earlier pane of a session window is void: the session has become part of another one, whose pane follows. */
export interface WithdrawnPane {
  readonly key: string
  readonly start: number
  readonly end: number
  /** Of the pane that is void. */
  readonly revision: number
  readonly withdrawn: true
}

export type PaneTiming = 'early' | 'on_time' | 'late'

/** The data of one window result. */
export interface Pane<Value = Readonly<Record<string, unknown>>> {
  readonly key: string
  /** `[start, end)`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: Value
  /** Tells it from a `WithdrawnPane`. */
  readonly withdrawn?: never
  /** `early`: before the watermark passed the end; `on_time`: because it did; `late`: an update after that. */
  readonly timing: PaneTiming
  /** 0 for the first result of this window and key, then counting up with each further one. */
  readonly revision: number
  /** No later revision can follow. */
  readonly final: boolean
}
