export { deadLetterNames } from '../fold/index.ts'
export { type DeadLetter, DeadLetters } from './dead-letters.ts'
export { PartitionPool } from './partition-pool.ts'
