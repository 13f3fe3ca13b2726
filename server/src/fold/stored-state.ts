import type { Offsets, StoredProgress } from './progress.ts'
import type { HashFields } from './stored-window.ts'

/** The committed state of a partition. */
export interface StoredState {
  readonly offsets: Offsets
  readonly progress: StoredProgress
  /** Fields of each hash that `PartitionWindows.hashes` names. */
  readonly stored: ReadonlyMap<string, HashFields>
  /** Windows that go on without what they hold, because input was lost; absent: none. */
  readonly anew?: ReadonlySet<string>
}
