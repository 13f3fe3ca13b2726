export { commandOffset, foldedOf, type PlacedCommand } from './command-offset.ts'
export { type FoldCounters, noCounts } from './fold-counters.ts'
export { beginsOf, lastStart } from './hand-over.ts'
export { decodeBatch, type InputBatch, type OnUnreadable } from './input-batch.ts'
export { beginAnew, isLost, type LostInput } from './lost-input.ts'
export { OutputBuffer } from './output-buffer.ts'
export { PartitionFold } from './partition-fold.ts'
export { mergersOf, PartitionWindows } from './partition-windows.ts'
export { Pipeline } from './pipeline.ts'
export { placements } from './placements.ts'
export {
  decodeOffsets,
  decodeProgress,
  encodeOffsets,
  foreignLog,
  msOf,
  type Offsets,
  type StoredProgress,
} from './progress.ts'
export type { ResultFilter } from './result-filter.ts'
export type { StoredState } from './stored-state.ts'
export type { HashFields } from './stored-window.ts'
export { foldCommandWithSuspicion, foldWithSuspicion, SUSPICIOUS_TAKES } from './suspect-fold.ts'
