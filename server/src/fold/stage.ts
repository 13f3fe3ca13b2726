import type { CommitOperation } from '../bus/index.ts'
import type { FlowStage } from './flow-stage.ts'
import type { KeyedStage } from './keyed-stage.ts'
import type { MergeStage } from './merge-stage.ts'
import type { ReportStage } from './report-stage.ts'

/**
 * Readers of a topic's events. Another kind of stage stands beside these, with a case where `EventRouter` routes
 * events.
 */
export type EventStage = FlowStage | KeyedStage | ReportStage

/** A stage that emits results once they are due, rather than for each event. */
export type ResultStage = KeyedStage | MergeStage

/** A stage with state in a hash of its own. */
export interface StateHolder {
  readonly operator: {
    /** Number of changed fields. */
    readonly dirtyCount: number
    /** Number of states. */
    readonly openCount: number
    /** Whether there is state that nothing can change any more. */
    readonly hasForgettable: boolean
  }
  /** Writes that bring the stored state up to date; forgets at most `limit` fields. */
  takeWrites(limit: number): CommitOperation[]
}
