export { type CopyCounts, copyKeys } from './copy-keys.ts'
export { openSnapshot, type Snapshot } from './open-snapshot.ts'
export { beginAnew, type RestoredData } from './restored-data.ts'
