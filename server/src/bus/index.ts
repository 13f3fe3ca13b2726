export type {
  AppendedSlice,
  AppendOptions,
  AppendReply,
  AppendRequest,
  SliceIdentity,
  Verdict,
} from './append.ts'
export { MAX_PRODUCERS, NO_BATCH } from './append.ts'
export type { BackfillEnding, BackfillLedger, BackfillRecord, BackfillStatus } from './backfill-ledger.ts'
export type { BreakerLimits } from './breaker.ts'
export { BREAKER_LIMITS } from './breaker.ts'
export type { Bus, BusHealth, BusSettings, ChannelName } from './bus.ts'
export { openBus } from './bus.ts'
export type { CommitOperation, CommitReply, CommitRequest, LatestResult } from './commit.ts'
export { BLOCK_MS } from './connection.ts'
export * from './errors.ts'
export type { BusClass, GuardState } from './guard.ts'
export * from './hash-name.ts'
export * from './heartbeat.ts'
export { CANARY_TOPIC, partialsTopic } from './keys.ts'
export type { Ledger, LedgerHead, Ownership, TakeReply } from './ledger.ts'
export type { KnownEntry, Lineage } from './lineage.ts'
export { LineageProof } from './lineage-proof.ts'
export type { Log, LogPage, Standing } from './log.ts'
export { CANARY_EVERY_MS } from './log.ts'
export { LOG_START, type LogEntry } from './log-entry.ts'
export type { LogHead, LogHeads } from './log-heads.ts'
export type { LogTail } from './log-tail.ts'
export type { LogVersion, Refusal } from './log-version.ts'
export * from './mark.ts'
export type { ExpiredPage, ExpireOptions, OwnerLedger } from './owner-ledger.ts'
export type { PartitionOwner } from './partition-owners.ts'
export { partitionOf } from './partitioner.ts'
export * from './record-batch.ts'
export type { CurrentPage, CurrentResult, Results } from './results.ts'
export type { Roster } from './roster.ts'
export type { PartitionReport, WindowSource, WorkerReport } from './worker-report.ts'
