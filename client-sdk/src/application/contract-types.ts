import type { DeliveredEvent, Lane } from '@tidegate/protocol'

/** A client's view of a contract's topics. */
type Topics = Readonly<Record<string, { readonly data: unknown; readonly publishable: boolean }>>

/** Topics of a config made by `defineConfig`, or any topic at all for a client without one. */
export type TopicsOf<C> = C extends { readonly '~topics': infer T extends Topics }
  ? T
  : Readonly<Record<string, { readonly data: unknown; readonly publishable: true }>>

type Name<T> = keyof T & string

// A condition around a union has the compiler show its members in errors, instead of the type that it is made from.

/** Topics that clients may publish to. */
export type PublishableTopic<T extends Topics> =
  string extends Name<T> ? string : { [K in Name<T>]: T[K]['publishable'] extends true ? K : never }[Name<T>]

/** Topics with presence. */
export type ShownTopic<T extends Topics> =
  string extends Name<T>
    ? string
    : Name<T> extends infer K
      ? K extends `${infer Topic}.presence`
        ? Topic
        : never
      : never

/** A result of a window: the part of it that does not depend on the config. */
export interface Pane<Value = unknown> {
  readonly key: string
  /** `[start, end)`, ms since 1970. */
  readonly start: number
  readonly end: number
  readonly value: Value
  readonly withdrawn?: never
  readonly timing: 'early' | 'on_time' | 'late'
  readonly revision: number
  readonly final: boolean
}

/** Topics with results of windows. */
export type WindowTopic<T extends Topics> =
  string extends Name<T> ? string : { [K in Name<T>]: Extract<T[K]['data'], Pane> extends never ? never : K }[Name<T>]

/** Results of a window, without withdrawals. */
export type PaneOf<T extends Topics, K extends string> =
  string extends Name<T> ? Pane : K extends keyof T ? Extract<T[K]['data'], Pane> : never

/** Every dotted beginning of a topic name: `a.b.c` has `a` and `a.b`. */
type Prefix<K extends string> = K extends `${infer Head}.${infer Tail}` ? Head | `${Head}.${Prefix<Tail>}` : never

/** A topic name without its last word. */
type Parent<K extends string> = K extends `${infer Head}.${infer Tail}`
  ? Tail extends `${string}.${string}`
    ? `${Head}.${Parent<Tail>}`
    : Head
  : never

type AnyWord<K extends string> = K extends `${string}.${string}` ? never : '*'

/** Exact topics, and the wildcards that cover at least one. */
export type Selector<T extends Topics> =
  string extends Name<T>
    ? string
    : { [K in Name<T>]: K | '>' | AnyWord<K> | `${Parent<K>}.*` | `${Prefix<K>}.>` }[Name<T>]

/** The topics a selector covers. */
type Covered<K extends string, S extends string> = S extends '>'
  ? K
  : S extends '*'
    ? K extends `${string}.${string}`
      ? never
      : K
    : S extends `${infer P}.>`
      ? Extract<K, `${P}.${string}`>
      : S extends `${infer P}.*`
        ? K extends `${P}.${infer Rest}`
          ? Rest extends `${string}.${string}`
            ? never
            : K
          : never
        : Extract<K, S>

/** An event of one topic as a subscriber gets it. */
export interface TopicEvent<Topic extends string, Data> extends DeliveredEvent<Data> {
  readonly topic: Topic
  readonly lane: Lane
  /** It is the latest result of its key, from the snapshot at the start of a subscription. */
  readonly snapshot?: true
}

/** What a subscription yields: a union discriminated by `topic`. */
export type EventOf<T extends Topics, S extends string> =
  string extends Name<T>
    ? TopicEvent<string, unknown>
    : { [K in Covered<Name<T>, S>]: TopicEvent<K, T[K]['data']> }[Covered<Name<T>, S>]

/** An event to publish. `id` is made where it is absent, `time` is that of the call, by the clock of the server. */
export interface PublishEvent<Data> {
  /** Names the event for ever. Made where it is absent. */
  readonly id?: string
  /** Event time, ms since 1970. Absent: that of the call, by the clock of the server. */
  readonly time?: number
  /** The device or producer it comes from: windows with `watermark: 'source'` have a clock for each. */
  readonly source?: string
  /** The payload, as the schema of the topic says. */
  readonly data: Data
}
