export { type Accumulator, AggregateSet } from './aggregate-set.ts'
export { applyFlow } from './flow.ts'
export { IDLE_AFTER_MS } from './idle-timer.ts'
export { KeyedWindow, type StoredWindowState, type WindowState } from './keyed-window.ts'
export {
  MergeWindow,
  type SourceReport,
  type SourceStatus,
  type StoredMergeClock,
  type StoredMergeState,
} from './merge-window.ts'
export { SourceClock } from './source-clock.ts'
