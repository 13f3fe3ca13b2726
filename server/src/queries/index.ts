export { ownership, type PartitionOwner } from './ownership.ts'
export { describeFailure, Queries } from './queries.ts'
