export { PartitionPool } from './partition-pool.ts'
export { COMMANDS_RETENTION_MS, DEAD_LETTER_RETENTION_MS } from './trimmer.ts'
export { WorkerReadiness } from './worker-readiness.ts'
export { WorkerStats } from './worker-stats.ts'
