import type { LogVersion } from '../../src/bus/index.ts'

/** What a write may have been computed of that is not the log now. */
export const OTHER_LOGS: readonly (readonly [string, Partial<LogVersion>])[] = [
  ['a log of another epoch', { epoch: 'before' }],
  ['the log under another identity of Redis', { lineage: 'before:before' }],
]
