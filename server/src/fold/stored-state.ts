import type { Offsets, StoredProgress } from './progress.ts'
import type { HashFields } from './stored-window.ts'

/** The committed state of a partition. */
export interface StoredState {
  readonly offsets: Offsets
  readonly progress: StoredProgress
  /** Fields of each hash that `PartitionWindows.hashes` names. */
  readonly stored: ReadonlyMap<string, HashFields>
  /** Entities of each name; absent: none. */
  readonly entityCounts?: ReadonlyMap<string, number>
  /** Windows that continue without their state, because input was lost; absent: none. */
  readonly anew?: ReadonlySet<string>
}
