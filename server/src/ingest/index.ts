export { Canaries } from './canaries.ts'
export { Ingest, type PublishOutcome } from './ingest.ts'
export { Producer } from './producer.ts'
export { type GrantChange, PublishControl } from './publish-control.ts'
