import type { Lane } from '@tidegate/protocol'

/**
 * The contract at run time: what `defineConfig` resolves the declared topics to. Gateways, workers and the CLI read
 * only this. Window specs are plain data; anything holding a function carries a `version` that stands for it.
 */
export interface Contract {
  /** Every topic, results and late topics included, by name; iteration follows the topic DAG, inputs first. */
  readonly topics: ReadonlyMap<string, TopicDefinition>
  /** 16 hex digits over everything that gateway and worker must agree on. */
  readonly hash: string
}

export type TopicDefinition = SourceTopic | FlowTopic | WindowTopic | LateTopic

interface TopicBase {
  readonly name: string
  /** Entries older than this may be trimmed. */
  readonly retentionMs: number
}

/** A topic that clients publish to. */
export interface SourceTopic extends TopicBase {
  readonly kind: 'source'
  readonly keyField: string
  /** Validates and normalises one event's data. */
  readonly validate: (data: unknown) => Validation
  readonly laneOf: (data: unknown) => Lane
  /** JSON Schema of `data`, for people and tools (`GET /v1/topics`). */
  readonly jsonSchema: unknown
}

export type Validation =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly path: string; readonly message: string }

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

/** The panes of a window over `from`. */
export interface WindowTopic extends TopicBase {
  readonly kind: 'window'
  readonly from: string
  readonly spec: WindowSpec
  readonly lane: Lane
  /** Where events go whose windows are all forgotten. */
  readonly lateTopic: string
}

/** Events that came after all their windows were forgotten, unchanged. */
export interface LateTopic extends TopicBase {
  readonly kind: 'late'
  readonly from: string
  readonly window: string
}

/** Plain data: hashed, and replayed by the CLI. */
export interface WindowSpec {
  readonly type: 'tumbling'
  readonly sizeMs: number
  readonly offsetMs: number
  readonly outOfOrdernessMs: number
  readonly allowedLatenessMs: number
  /** `key`: one group per event key, closed by its own partition. `all`: one group over all keys, merged in two stages. */
  readonly groupBy: 'key' | 'all'
  /** Pane field -> aggregate, in declaration order. */
  readonly aggregate: Readonly<Record<string, AggregateSpec>>
}

export type AggregateSpec =
  | { readonly fn: 'count' }
  | { readonly fn: 'sum' | 'avg' | 'min' | 'max'; readonly field: string }

/** The data of one window result. */
export interface Pane<Value = Readonly<Record<string, number>>> {
  readonly key: string
  /** `[start, end)`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: Value
  /** 0 for the first result of this window and key, then counting up with each late update. */
  readonly revision: number
  /** No later revision can follow. */
  readonly final: boolean
}
