export { type Accumulator, AggregateSet } from './aggregate-set.ts'
export { distinct, type Field, parseField, readField } from './aggregates/index.ts'
export { createWindow } from './create-window.ts'
export type { Emission, EmittedPane, Withdrawal } from './emission.ts'
export { endedWatermark } from './ended-watermark.ts'
export { FleetClock, type SlowestSource } from './fleet-clock.ts'
export { applyFlow } from './flow.ts'
export { IDLE_AFTER_MS } from './idle-timer.ts'
export { inputCheck, neededInputs, pathsRead } from './input-check.ts'
export {
  MergeWindow,
  type SourceReport,
  type SourceStatus,
  type StoredMergeClock,
  type StoredMergeState,
} from './merge-window.ts'
export { SessionWindow } from './session-window.ts'
export { SourceClock } from './source-clock.ts'
export { parseFieldName } from './state-field.ts'
export { type Partial, type TumblingSpec, TumblingWindow } from './tumbling-window.ts'
export { END_OF_TIME, type StoredWatermarks, Watermarks } from './watermarks.ts'
export type { StateField, StateWrites, WindowOperator } from './window-operator.ts'
export { windowsOf } from './windows-of.ts'
