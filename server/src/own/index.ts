export { deadLetterNames } from '../fold/index.ts'
export { type DeadLetter, DeadLetters } from './dead-letters.ts'
export { PartitionPool } from './partition-pool.ts'
export { COMMANDS_RETENTION_MS, DEAD_LETTER_RETENTION_MS } from './trimmer.ts'
