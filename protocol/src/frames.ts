import type { ErrorCode } from './errors.ts'
import type { Lane } from './lane.ts'
import type { TraceContext } from './trace-context.ts'

/** An event as a client sends it. `id`, `time` and `source` are stamped by the gateway when absent. */
export interface EventInput {
  readonly id?: string
  /** Event time, ms since 1970. */
  readonly time?: number
  readonly source?: string
  readonly data: unknown
}

/** Nothing more comes of a topic. */
export interface EndOfInput {
  /** Nothing of this source; without it nothing at all. */
  readonly source?: string
}

/** Where the events of a frame come from, from one of them on. */
export interface FrameTrace extends Partial<TraceContext> {
  /** Index of the first event that it is of; 0 where absent. It ends where the next one begins. */
  readonly from?: number
}

/** An event as a subscriber receives it. `traceparent` and `tracestate` are those with which it was published. */
export interface DeliveredEvent<Data = unknown> extends Partial<TraceContext> {
  readonly at: string
  readonly id: string
  readonly key: string
  readonly time: number
  readonly source?: string
  readonly data: Data
}

/** Per topic and lane, one position string per partition: everything up to it is resolved for the subscriber. */
export type PositionVector = Readonly<Record<string, Readonly<Partial<Record<Lane, readonly string[]>>>>>

export type ResumeFrom =
  | 'now'
  | 'latest'
  | 'earliest'
  | { readonly time: number }
  /** With `absent: 'now'`, topics that the vector does not have start now, and not at the beginning of their logs. */
  | { readonly positions: PositionVector; readonly absent?: 'now' }

export interface PublishGrant {
  readonly frames: number
  readonly bytes: number
}

export interface RejectedEvent {
  readonly index: number
  readonly code: ErrorCode
  readonly path?: string
  readonly message: string
}

/** What to do with a subscription's normal and low events while its client cannot keep up. */
export type OnSlow =
  /** Withhold the oldest and say so in a gap. */
  | 'drop-oldest'
  /** Send the latest event of each key and count the others. */
  | 'conflate'
  /** Send one in 2, 4, ... 64 and count the others. */
  | 'sample'
  /** Close the connection; it resumes where it was. */
  | 'disconnect'

export const ON_SLOW: readonly OnSlow[] = ['drop-oldest', 'conflate', 'sample', 'disconnect']

export interface SubscribeOptions {
  /** Only events with one of these keys. */
  readonly keys?: readonly string[]
  /** Only events this filter is true for, such as `data.amount > 1000`: docs/filters.md has the language. */
  readonly where?: string
  /** Only events of these lanes. */
  readonly lanes?: readonly Lane[]
  /** Normal and low events may wait `maxMs` for company, unless `maxEvents` wait. */
  readonly batch?: { readonly maxMs: number; readonly maxEvents?: number }
  /** What happens while the client cannot keep up. High events are never withheld for that. */
  readonly onSlow?: OnSlow
  /** At most so many events per second of each key and lane, the latest; normal and low only. 0.01 to 1,000. */
  readonly maxRate?: number
  /**
   * Where to begin: `now` (the default), `earliest` for all that is kept, the `time` of storing (ms since 1970), or the
   * `positions` of an earlier subscription. `latest` is `now` for topics of results.
   */
  readonly from?: ResumeFrom
  /** Window results only: first the latest result of every key, then what follows. With `positions` only if something after them is gone. */
  readonly snapshot?: boolean
  /** What it says of its client in `<topic>.presence`, any JSON; only for topics with presence. */
  readonly state?: unknown
}

/** An event that was acknowledged, the last one of its slice: `ack.at` with the topic of the frame. */
export interface AckedPosition {
  readonly topic: string
  readonly at: string
}

/** `hello.sequence` of a producer that counts from 1 and asks under which name. */
export const NEW_SEQUENCE = 'new'

export type ClientFrame =
  | {
      readonly type: 'hello'
      readonly protocol: number
      readonly client: string
      /** A JSON Web Token, or an API key. */
      readonly token?: string
      readonly producer?: string
      readonly session?: number
      /** In which of the producer's sequences `seq` counts: `new`, or what `welcome` said. Absent: the one that has no name. */
      readonly sequence?: string
      /** The client was connected before: it is admitted where new ones no longer are. */
      readonly returning?: boolean
      /** `partition@epoch` under which the producer was last acknowledged, where it could send again what is lost. */
      readonly epochs?: readonly string[]
      /** The newest acknowledged position in each partition: if one is gone, Redis has lost something. */
      readonly acked?: readonly AckedPosition[]
      readonly windowBytes?: number
    }
  | {
      readonly type: 'publish'
      readonly seq: number
      readonly topic: string
      /** At most 1,000; none only with `end`. */
      readonly events: readonly EventInput[]
      /** Behind these events the input of the topic ends: that of a source, or all of it. Stands before `events`. */
      readonly end?: EndOfInput
      /** On a resend after an `ack`: the events it rejected, which stay rejected. Stands before `events`. */
      readonly rejected?: readonly Pick<RejectedEvent, 'index' | 'code'>[]
      /** Milliseconds since the first attempt, on a resend: older than the server remembers is answered `outcome_unknown`. */
      readonly ageMs?: number
      /** In the order of `from`. No part of the content: a resend may have another. Stands before `events`. */
      readonly trace?: readonly FrameTrace[]
    }
  | ({ readonly type: 'subscribe'; readonly sub: number; readonly topic: string } & SubscribeOptions)
  | { readonly type: 'unsubscribe'; readonly sub: number }
  /** `subs`: by number, subscriptions that are to get no events (0), or events again (`null`). */
  | { readonly type: 'credit'; readonly bytes: number; readonly subs?: Readonly<Record<string, 0 | null>> }
  /** In place of the token of `hello`, before that expires; of the same subject. */
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'pong'; readonly time: number }
  | {
      readonly type: 'query'
      readonly id: number
      readonly name: string
      readonly params?: Readonly<Record<string, unknown>>
      readonly deadlineMs?: number
    }
  | {
      readonly type: 'command'
      /** Of this command, for ever: the same id with the same content is run once. */
      readonly id: string
      readonly entity: string
      readonly key: string
      readonly command: string
      readonly input: unknown
      /** Version that the entity must have: a number, or `version@epoch` of an answer. */
      readonly expectedVersion?: number | string
      /** Of the newest answer of the entity that the client keeps: under another epoch of the log it is not stored. */
      readonly epoch?: string
      /** A command of the entity that was sent before on this connection: while that is to be sent again, this one is not stored. */
      readonly after?: string
      /** How long to wait for the outcome. */
      readonly deadlineMs?: number
      /** Milliseconds since the first attempt, when it is sent again. */
      readonly ageMs?: number
      /** Where it comes from, with `tracestate`. No part of the content. */
      readonly traceparent?: string
      readonly tracestate?: string
    }

/** Events of a subscription, topic and lane withheld since they were counted last; they lie before what they are told with. */
export interface WithheldCounts {
  /** In favour of later ones of their keys. */
  readonly conflated?: number
  readonly sampled?: number
}

/** The same where the frame does not say of what. */
export interface TopicCounts extends WithheldCounts {
  readonly topic: string
  readonly lane: Lane
}

export interface BatchPart<Data = unknown> extends WithheldCounts {
  readonly sub: number
  readonly topic: string
  readonly lane: Lane
  /** Empty only at the end of a snapshot. */
  readonly events: readonly DeliveredEvent<Data>[]
  /** Its events are the latest of their keys, wherever they lie, and no steps in the log; `end`: the snapshot is whole. */
  readonly snapshot?: 'more' | 'end'
}

/** What became of the events that matched a subscription. At every instant `matched` is the sum of the others. */
export interface SubscriptionLedger {
  readonly matched: number
  /** Handed to the socket. */
  readonly delivered: number
  /** Withheld in favour of a later event of the same key. */
  readonly conflated: number
  /** Withheld by sampling. */
  readonly sampled: number
  /** Withheld and counted in a gap. */
  readonly gapped: number
  /** Waiting. */
  readonly queued: number
}

export type GapReason = 'overflow' | 'trimmed' | 'epoch' | 'reset' | 'bus'

export interface GapFrame extends WithheldCounts {
  readonly type: 'gap'
  readonly sub: number
  readonly topic: string
  readonly lane: Lane
  /** Exclusive lower bound; absent when the range starts at the log's beginning. */
  readonly after?: string
  /** Inclusive upper bound. */
  readonly upTo: string
  /** Matched events withheld in the range; `null` when it cannot be known (trimmed, epoch). */
  readonly count: number | null
  readonly reason: GapReason
  readonly fetchable: boolean
}

/** What became of a command. */
export type CommandResult =
  | {
      readonly status: 'done'
      /** Of the entity with the events of the command, under `epoch` of its log. */
      readonly version: number
      readonly epoch: string
      readonly events: readonly CommandEvent[]
      readonly reply?: unknown
    }
  | {
      readonly status: 'rejected'
      /** Declared by the entity, or one of `COMMAND_CODES` and `ANSWER_ERROR_CODES`. */
      readonly code: string
      readonly message: string
      /** Field of the input that does not fit. */
      readonly path?: string
      /** Of the entity, where the command was run. */
      readonly version?: number
      /** Of the log: in which it has that version, or with `epoch_changed` the present one. */
      readonly epoch?: string
      /** Present when the same command, with the same id, may be sent again. */
      readonly retryAfterMs?: number
    }

/** An event that a command led to. */
export interface CommandEvent {
  readonly type: string
  /** What the entity shows of it: absent where it has a `view` and no `public`. */
  readonly data?: unknown
}

export type ServerFrame =
  | {
      readonly type: 'welcome'
      readonly protocol: number
      readonly session: string
      readonly node: string
      readonly contract: string
      /** The clock of the server, which judges the times of events: ms since 1970. */
      readonly time: number
      readonly publish: PublishGrant
      readonly limits: { readonly frameBytes: number; readonly frameEvents: number }
      readonly pingMs: number
      /** Name of the producer's sequence, when `hello` said one or asked for one. */
      readonly sequence?: string
      /** When the token expires, in ms from now: the clock of the client does not count. */
      readonly expiresInMs?: number
    }
  | {
      /** To `token`: it was taken. */
      readonly type: 'authorized'
      readonly expiresInMs?: number
    }
  | {
      readonly type: 'ack'
      readonly seq: number
      /** Per partition touched, the position of the last event stored there. */
      readonly at: readonly string[]
      readonly rejected?: readonly RejectedEvent[]
      readonly duplicate?: boolean
    }
  | {
      readonly type: 'reject'
      readonly seq: number
      readonly code: ErrorCode
      readonly message: string
      /** Present when the same frame may be sent again. */
      readonly retryAfterMs?: number
      /** With `epoch_changed`: the epochs now, `partition@epoch`. */
      readonly epochs?: readonly string[]
    }
  | {
      /** To publishers: logs continue under these epochs, `partition@epoch`; what was acknowledged under others may be lost. */
      readonly type: 'epoch'
      readonly at: readonly string[]
    }
  | {
      readonly type: 'subscribed'
      readonly sub: number
      /** The positions from which delivery starts (exclusive), one per partition and topic as in the vector. */
      readonly positions: PositionVector
      readonly recovered: boolean
      /** A snapshot follows, and the events after `positions` after it. */
      readonly snapshot?: true
      /** As granted, which may be another than was asked for. */
      readonly onSlow: OnSlow
      readonly maxRate?: number
    }
  | {
      readonly type: 'unsubscribed'
      readonly sub: number
      readonly code: 'ok' | ErrorCode
      readonly counts?: readonly TopicCounts[]
    }
  | { readonly type: 'batch'; readonly parts: readonly BatchPart[] }
  | GapFrame
  | {
      readonly type: 'progress'
      readonly sub: number
      readonly positions: PositionVector
      readonly counts?: readonly TopicCounts[]
    }
  | { readonly type: 'ping'; readonly time: number }
  | {
      readonly type: 'result'
      readonly id: number
      readonly data: unknown
      /** Of `history`. */
      readonly complete?: boolean
      readonly next?: string
    }
  | ({
      readonly type: 'answer'
      readonly id: string
      /** Where the log of answers has it: present with an outcome. In `hello.acked` it stands under the topic `~answers`. */
      readonly position?: string
    } & CommandResult)
  | {
      readonly type: 'error'
      readonly id?: number
      readonly sub?: number
      readonly code: ErrorCode
      readonly message: string
      readonly retryable: boolean
      /** How long to wait before it is tried again, where the server knows. */
      readonly retryAfterMs?: number
    }
  | {
      readonly type: 'slow'
      /** How long to send no new `publish` frame; 0: at once. */
      readonly retryAfterMs: number
      /** From now on, instead of what `welcome` granted. */
      readonly publish: PublishGrant
    }
  | {
      readonly type: 'bus'
      readonly class: string
      readonly state: 'open' | 'closed'
      readonly since: number
      readonly retryAfterMs?: number
    }
  | { readonly type: 'drain'; readonly reconnectInMs: number; readonly deadlineMs: number; readonly reason: string }
