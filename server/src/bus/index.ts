export type { AccessData, AccessStore } from './access-store.ts'
export { type Ancestor, inheritedMarks } from './ancestors.ts'
export type { AppendedSlice, AppendReply, Verdict } from './append.ts'
export { type AppendOptions, MAX_PRODUCERS } from './append-part.ts'
export { type AppendRequest, NO_BATCH, type SliceIdentity } from './append-request.ts'
export type { BackfillEnding, BackfillLedger, BackfillRecord, BackfillStatus } from './backfill-ledger.ts'
export { BatchReader, type PlacedEnd } from './batch-reader.ts'
export type { BreakerLimits } from './breaker.ts'
export { BREAKER_LIMITS } from './breaker.ts'
export type { Bus, BusHealth, BusSettings, NodeFault } from './bus.ts'
export { openBus } from './bus.ts'
export type { CommitReply, CommitRequest } from './commit.ts'
export type { CommitOperation, LatestResult, NotedPlaces } from './commit-operation.ts'
export { BLOCK_MS } from './connection.ts'
export type { ClaimedContract } from './contract-head.ts'
export type { RunningContract } from './contract-view.ts'
export * from './dead-letter.ts'
export { type AwayNode, type DeploymentFacts, type RedisFacts, readDeploymentFacts } from './deployment-facts.ts'
export type { AnswerPlace, Entities, EntityPage, IndexedPage, StoredEntity } from './entities.ts'
export * from './entity-name.ts'
export * from './errors.ts'
export { eventPattern, jsonPatterns } from './event-pattern.ts'
export type { GatewayEntry, GatewayReport, ReportedLatency, ReportedSubscriber } from './gateway-report.ts'
export * from './growth/index.ts'
export { type BusClass, closedNowhere, type GuardState } from './guard.ts'
export * from './hash-name.ts'
export * from './heartbeat.ts'
export { ANSWERS_TOPIC, CANARY_TOPIC, COMMANDS_TOPIC, partialsTopic, windowOfPartials } from './keys.ts'
export type { Ledger, LedgerHead, Ownership, TakeReply } from './ledger.ts'
export type { KnownEntry, Lineage } from './lineage.ts'
export { LineageProof } from './lineage-proof.ts'
export type { Read } from './live-reports.ts'
export type { Log, LogPage, Standing } from './log.ts'
export { CANARY_EVERY_MS } from './log.ts'
export { LOG_START, type LogEntry, type LogRead } from './log-entry.ts'
export type { Backlog, LogExtent } from './log-extent.ts'
export type { LogHead, LogHeads } from './log-heads.ts'
export type { LogSize } from './log-sizes.ts'
export type { LogTail } from './log-tail.ts'
export type { LogVersion, Refusal } from './log-version.ts'
export * from './mark.ts'
export type { ChannelName } from './node.ts'
export type { ExpiredPage, ExpireOptions, OwnerLedger } from './owner-ledger.ts'
export type { PartitionOwner } from './partition-owners.ts'
export { hashOf, KEY_HASH_SEED, partitionOf, partitionOfHash, withKeyUnit } from './partitioner.ts'
export type { PresenceReport, PresenceStore, SeenGateway } from './presence-store.ts'
export type { BatchHeader, EncodedSlice, EndOfInput, EventBody, SliceEvents, StoredEvent } from './record-batch.ts'
export {
  decodeEvents,
  encodeEvent,
  isEncoded,
  MAX_BATCH_BYTES,
  RecordBatchBuilder,
  traceMembers,
} from './record-batch.ts'
export { type RedisInfo, unfitness } from './redis-fitness.ts'
export type { RedisState } from './redis-state.ts'
export type { CurrentPage, CurrentResult, PageBounds, Results } from './results.ts'
export type { Roster } from './roster.ts'
export * from './snapshot/index.ts'
export { findAnswers, type StoredAnswer } from './stored-answers.ts'
export type { StoredCount, StoredReport } from './stored-report.ts'
export {
  type PartitionReport,
  type WindowDelay,
  type WindowSource,
  WORKER_ALIVE_MS,
  type WorkerReport,
} from './worker-report.ts'
