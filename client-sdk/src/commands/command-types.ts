import type { TraceContext } from '@tidegate/protocol'
import type { Abortable } from '../application/abort-signal.ts'
import type { AnsweredEvent } from '../application/entity-types.ts'

export interface CommandOptions extends Abortable {
  /**
   * Names the command for ever: the same command under the same id is run once, and answered with its first outcome. Made
   * where it is absent; an error of a command without an outcome has it as `commandId`.
   */
  readonly id?: string
  /** Version that the entity must have: a number, or `version@epoch` as in `at` of an answer. */
  readonly expectedVersion?: number | string
  /** How long to wait for the outcome, from the call on. 10,000 if absent. */
  readonly deadlineMs?: number
  /** Do not wait for the outcomes of earlier commands of this entity: it runs after them, also if one of them is rejected. */
  readonly pipelined?: boolean
  /** Where the command comes from, as with `publish`: the events that it leads to come from there too. */
  readonly trace?: Partial<TraceContext> | undefined
}

/** What a command led to. */
export interface CommandAnswer<Event extends { readonly type: string; readonly data: unknown }> {
  /** Of the entity with the events of the command. */
  readonly version: number
  readonly epoch: string
  /** `version@epoch`: as `expectedVersion` of the next command, or as `minVersion` of a query. */
  readonly at: string
  /** As the entity shows them. */
  readonly events: readonly AnsweredEvent<Event>[]
  /** What the command answers beside its events. */
  readonly reply: unknown
}

/** An answer as the server gives it, whatever the contract. */
export type UntypedAnswer = CommandAnswer<{ readonly type: string; readonly data: unknown }>
