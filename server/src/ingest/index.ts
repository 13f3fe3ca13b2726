export { Ingest, type PublishOutcome } from './ingest.ts'
export { Producer } from './producer.ts'
