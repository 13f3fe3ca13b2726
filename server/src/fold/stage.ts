import type { CommitOperation } from '../bus/index.ts'
import type { FlowStage } from './flow-stage.ts'
import type { KeyedStage } from './keyed-stage.ts'
import type { MergeStage } from './merge-stage.ts'
import type { ReportStage } from './report-stage.ts'

/** What reads the events of a topic. Another kind of stage stands beside these, with a case where `EventRouter` hands events on. */
export type EventStage = FlowStage | KeyedStage | ReportStage

/** What puts results out once they are due, rather than for each event. */
export type ResultStage = KeyedStage | MergeStage

/** What keeps state in a hash of its own. */
export interface StateHolder {
  readonly operator: {
    /** Fields that differ from what is stored. */
    readonly dirtyCount: number
    /** States held. */
    readonly openCount: number
    /** Whether there is state that nothing can change any more. */
    readonly hasForgettable: boolean
  }
  /** Writes after which the stored state is the state now; forgets at most `limit` fields. */
  takeWrites(limit: number): CommitOperation[]
}
