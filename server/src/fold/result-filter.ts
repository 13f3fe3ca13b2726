import type { EventBody } from '../bus/index.ts'
import type { WindowTopic } from '../config/contract/model.ts'

/** Which results of windows a fold emits: the others only pass through it. */
export interface ResultFilter {
  hasPane(window: string, start: number, end: number): boolean
  /** Whether an event that a window rejects goes to its late topic, or to the dead letters. */
  hasMiss(window: WindowTopic, event: EventBody): boolean
}
