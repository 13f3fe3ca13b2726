import type { Emission } from './emission.ts'

/** A field of the hash that keeps an operator's state. Neither holds a line end that is not escaped by whoever stores it. */
export type StateField = readonly [field: string, value: string]

export interface StateWrites {
  readonly changed: readonly StateField[]
  readonly forgotten: readonly string[]
}

/**
 * A window as a state machine over events and watermarks. Pure: it keeps what changed and what is due, and its driver
 * stores and emits that. Nothing here is undone - a driver that cannot commit drops the instance and makes another from
 * what is stored. Once what was due is taken, the fields written so far and the watermark are the whole state.
 */
export interface WindowOperator {
  readonly watermark: number
  /** Panes that wait. */
  readonly dueCount: number
  /** Fields that differ from what is stored. */
  readonly dirtyCount: number
  /** States held. */
  readonly openCount: number
  /** Whether anything waits for the watermark. */
  readonly hasOpen: boolean
  /** Whether there is state that nothing can change any more. */
  readonly hasForgettable: boolean
  /**
   * Folds one event. `late`: all its windows are forgotten; `full`: it would need a state more than `maxKeys` or `maxOpen`
   * allow; `none`: it lies between windows. Then it changed nothing.
   */
  add(key: string, time: number, data: unknown): 'added' | 'late' | 'full' | 'none'
  /** Moves the watermark forward, never back. What is complete by it becomes due, oldest first. */
  advance(watermark: number): void
  /** Makes due, as early panes, what has changed since it was last emitted and is not complete. */
  flush(): void
  /** Takes up to `limit` panes that are due, each behind the panes it makes void. */
  take(limit: number): Emission[]
  /** Takes every field that differs from what is stored, and up to `limit` of those that nothing can change any more. */
  takeWrites(limit: number): StateWrites
}
