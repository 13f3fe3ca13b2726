export type { AccessData, AccessStore } from './access-store.ts'
export { BatchReader, type PlacedEnd } from './batch/batch-reader.ts'
export * from './batch/dead-letter.ts'
export { eventPattern, jsonPatterns } from './batch/event-pattern.ts'
export { PayloadBuffers } from './batch/payload-buffers.ts'
export type {
  BatchHeader,
  EncodedSlice,
  EndOfInput,
  EventBody,
  SliceEvents,
  StoredEvent,
} from './batch/record-batch.ts'
export {
  decodeEvents,
  encodeEvent,
  isEncoded,
  MAX_BATCH_BYTES,
  RecordBatchBuilder,
  traceMembers,
} from './batch/record-batch.ts'
export type { Bus, BusHealth, BusSettings, NodeFault } from './bus.ts'
export { openBus } from './bus.ts'
export { type AppendOptions, MAX_PRODUCERS } from './calls/append-part.ts'
export { type AppendRequest, NO_BATCH, type SliceIdentity } from './calls/append-request.ts'
export { SharedCalls } from './calls/shared-calls.ts'
export type { ClaimedContract } from './contract/contract-head.ts'
export type { RunningContract } from './contract/contract-view.ts'
export { type AwayNode, type DeploymentFacts, type RedisFacts, readDeploymentFacts } from './deployment-facts.ts'
export type { AnswerPlace, Entities, EntityPage, IndexedPage, StoredEntity } from './entities/entities.ts'
export * from './entities/entity-name.ts'
export { findAnswers, type StoredAnswer } from './entities/stored-answers.ts'
export * from './errors.ts'
export * from './growth/index.ts'
export * from './hash-name.ts'
export * from './heartbeat.ts'
export { ANSWERS_TOPIC, CANARY_TOPIC, COMMANDS_TOPIC, partialsTopic, windowOfPartials } from './keys.ts'
export type { BackfillEnding, BackfillLedger, BackfillRecord, BackfillStatus } from './ledger/backfill-ledger.ts'
export type { CommitReply, CommitRequest } from './ledger/commit.ts'
export type { CommitOperation, LatestResult, NotedPlaces } from './ledger/commit-operation.ts'
export type { Ledger, LedgerHead, Ownership, TakeReply } from './ledger/ledger.ts'
export type { ExpiredPage, ExpireOptions, OwnerLedger } from './ledger/owner-ledger.ts'
export type { CurrentPage, CurrentResult, PageBounds, Results } from './ledger/results.ts'
export { type Ancestor, inheritedMarks } from './log/ancestors.ts'
export type { AppendedSlice, AppendReply, Verdict } from './log/append.ts'
export type { KnownEntry, Lineage } from './log/lineage.ts'
export { LineageProof } from './log/lineage-proof.ts'
export type { Log, LogPage, Standing } from './log/log.ts'
export { CANARY_EVERY_MS } from './log/log.ts'
export { LOG_START, type LogEntry, type LogRead } from './log/log-entry.ts'
export type { Backlog, LogExtent } from './log/log-extent.ts'
export type { LogHead, LogHeads } from './log/log-heads.ts'
export type { LogSize } from './log/log-sizes.ts'
export type { LogTail } from './log/log-tail.ts'
export type { LogVersion, Refusal } from './log/log-version.ts'
export * from './log/mark.ts'
export type { BreakerLimits } from './nodes/breaker.ts'
export { BREAKER_LIMITS } from './nodes/breaker.ts'
export { type BusClass, breakerFault, closedNowhere, type GuardState } from './nodes/guard.ts'
export { isScanCursor, SCAN_START } from './nodes/hash-scan.ts'
export type { ChannelName } from './nodes/node.ts'
export { hashOf, KEY_HASH_SEED, partitionOf, partitionOfHash, withKeyUnit } from './partitioner.ts'
export { type AwayPartitions, openReachableBus, type ReachableBus } from './reachable-bus.ts'
export { BLOCK_MS } from './redis/connection.ts'
export { type RedisInfo, unfitness } from './redis/redis-fitness.ts'
export type { RedisState } from './redis/redis-state.ts'
export { HOLDS_WRITES } from './redis/write-refusal.ts'
export type { GatewayEntry, GatewayReport, ReportedLatency, ReportedSubscriber } from './reports/gateway-report.ts'
export type { Read } from './reports/live-reports.ts'
export type { PartitionOwner } from './reports/partition-owners.ts'
export type { PresenceReport, PresenceStore, SeenGateway } from './reports/presence-store.ts'
export type { Roster } from './reports/roster.ts'
export type { StoredCount, StoredReport } from './reports/stored-report.ts'
export {
  type PartitionReport,
  type WindowDelay,
  type WindowSource,
  WORKER_ALIVE_MS,
  type WorkerReport,
} from './reports/worker-report.ts'
export * from './snapshot/index.ts'
