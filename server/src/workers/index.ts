export { PartitionPool } from './partition-pool.ts'
export { Pipeline } from './pipeline.ts'
