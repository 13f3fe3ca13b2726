import type { Emission } from './emission.ts'

/** A field of the hash with an operator's state. The store escapes line ends. */
export type StateField = readonly [field: string, value: string]

export interface StateWrites {
  readonly changed: readonly StateField[]
  readonly forgotten: readonly string[]
}

/**
 * A window as a state machine over events and watermarks. Pure: it keeps changed and due state, which its driver stores
 * and emits. Nothing is undone here: a driver that cannot commit drops the instance and creates another from the stored
 * state. Once due panes are taken, the fields written so far and the watermark are the whole state.
 */
export interface WindowOperator {
  readonly watermark: number
  /** Number of waiting panes. */
  readonly dueCount: number
  /** Number of changed fields. */
  readonly dirtyCount: number
  /** Number of states. */
  readonly openCount: number
  /** Whether anything waits for the watermark. */
  readonly hasOpen: boolean
  /** When the last open window ends; -Infinity where none is open. */
  readonly openUntil: number
  /** Whether there is state that nothing can change any more. */
  readonly hasForgettable: boolean
  /**
   * Folds one event. `late`: all its windows are forgotten; `full`: it would need more states than `maxKeys` or
   * `maxOpen` allow; `none`: it lies between windows. Then it changed nothing.
   */
  add(key: string, time: number, data: unknown): 'added' | 'late' | 'full' | 'none'
  /** Moves the watermark forward, never back. Windows that it completes become due, oldest first. */
  advance(watermark: number): void
  /** Makes incomplete windows that changed since their last pane due as early panes. */
  flush(): void
  /** Takes up to `limit` due panes, each behind the panes that it withdraws. */
  take(limit: number): Emission[]
  /** Takes every changed field, and up to `limit` fields that nothing can change any more. */
  takeWrites(limit: number): StateWrites
}
