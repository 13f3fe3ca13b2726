export { BackfillPool } from './backfill-pool.ts'
export { type BackfillStatus, Backfills, type StartedBackfill } from './backfills.ts'
export { BackfillRefused } from './refused.ts'
export { backfillTarget } from './target.ts'
