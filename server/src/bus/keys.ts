/**
 * Every Redis key of Tidegate. All keys of partition p carry the hash tag `{tg:p}`: one partition is one Cluster
 * slot, so that the append and commit scripts touch one slot each.
 */

const tag = (partition: number): string => `{tg:${partition}}`

export const keys = {
  /** Stream of record batches of one topic. */
  log: (partition: number, topic: string): string => `${tag(partition)}:log:${topic}`,
  /** Producer states, this generation: hash producer -> `session seq kept position`, see append.lua. */
  producersCurrent: (partition: number): string => `${tag(partition)}:prod:cur`,
  /** Hash producer -> entries of slices that no longer stand in its state, this generation: see append.lua. */
  olderEntriesCurrent: (partition: number): string => `${tag(partition)}:prod:cur:older`,
  /** Both of the generation before. */
  producersPrevious: (partition: number): string => `${tag(partition)}:prod:prev`,
  olderEntriesPrevious: (partition: number): string => `${tag(partition)}:prod:prev:older`,
  /**
   * Hash. By appends: epoch, lineage, begun (the lineage under which the epoch began), generation and known (starts of this
   * and of the last producer generation), confirmed. By owners: bytes (that the logs take), token, tokens (counter), heartbeat,
   * released, takes, suspect, commitSeq, commitId, reply, offsets and clocks (JSON), trim:<topic> (entries up to there are gone).
   */
  meta: (partition: number): string => `${tag(partition)}:meta`,
  /** Open accumulators of one window: hash `<start>:<group>` -> encoded state. */
  window: (partition: number, window: string): string => `${tag(partition)}:win:${window}`,
  /** Latest result per key of a result topic: hash key -> `<streamId>.<index> <event JSON>`. */
  current: (partition: number, topic: string): string => `${tag(partition)}:cur:${topic}`,
  /**
   * Hash, the ledger of the last backfill of a window: version, run and filled (JSON), status, reason, and what a commit
   * of it builds on, named as in `meta`.
   */
  backfill: (partition: number, window: string): string => `${tag(partition)}:fill:${window}`,
  /** What a backfill of a window keeps in place of the hash `key` of the live windows. */
  backfillState: (partition: number, window: string, key: string): string =>
    `${tag(partition)}:fill:${window}:${key.slice(tag(partition).length + 1)}`,
  /** Set of `<partition> <window>`: backfills that may be under way. */
  backfills: 'tg:backfills',
  /** Hash: partitions. Written at first start, checked at every start. */
  cluster: 'tg:cluster',
  /** String with a short life: the contract hash that the running processes share. */
  contract: 'tg:contract',
  /** Sorted set worker id -> last heartbeat (Redis ms). */
  workers: 'tg:workers',
  /** String with a short life: JSON report of one worker, renewed with its heartbeat. */
  worker: (workerId: string): string => `tg:worker:${workerId}`,
  /** String with a short life: what shows that Redis takes writes, by class of operations. */
  probe: (busClass: string): string => `tg:probe:${busClass}`,
} as const

/** BullMQ queues of lease and of backfill jobs, and their key prefix (one hash tag: one slot). */
export const LEASE_QUEUE = 'leases'
export const BACKFILL_QUEUE = 'backfills'
export const QUEUE_PREFIX = '{tg:jobs}'

/** Log of a two-stage window's partial results, internal to workers: not a topic name by grammar, so nobody can subscribe. */
export const partialsTopic = (window: string): string => `${window}~partials`

/** Log of the entries that show that a partition works. By grammar not a topic name either. */
export const CANARY_TOPIC = '~canary'
