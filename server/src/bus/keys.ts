/**
 * Every Redis key of Tidegate. All keys of partition p carry the hash tag `{tg:p}`: one partition is one Cluster
 * slot, so that the append and commit scripts touch one slot each. The part of a key in braces, or the whole of one without
 * braces, decides on its slot: `tg:worker:{tg:workers}:a` lies beside `tg:workers`.
 */

const tag = (partition: number): string => `{tg:${partition}}`

/** Name of a topic's log among the keys of a partition. */
export const LOG_NAME = 'log:'

export const keys = {
  /** Stream of record batches of one topic. */
  log: (partition: number, topic: string): string => `${tag(partition)}:${LOG_NAME}${topic}`,
  /** Producer states, this generation: hash producer -> `session seq kept position`, see append.lua. */
  producersCurrent: (partition: number): string => `${tag(partition)}:prod:cur`,
  /** Hash producer -> entries of slices that no longer fit into its state, this generation: see append.lua. */
  olderEntriesCurrent: (partition: number): string => `${tag(partition)}:prod:cur:older`,
  /** Both hashes of the previous generation. */
  producersPrevious: (partition: number): string => `${tag(partition)}:prod:prev`,
  olderEntriesPrevious: (partition: number): string => `${tag(partition)}:prod:prev:older`,
  /**
   * Hash. By appends: epoch, lineage, begun (the lineage under which the epoch began), generation and known (starts of
   * this and of the last producer generation), confirmed. By owners: contract (generation of the one it
   * was taken under), bytes (of the logs), token, tokens (counter),
   * heartbeat, released, takes, suspect, commitSeq, commitId, reply, offsets and clocks (JSON), trim:<topic> (entries
   * up to there are gone). By growth: ancestors (JSON: see ancestors.ts).
   */
  meta: (partition: number): string => `${tag(partition)}:meta`,
  /** A hash, list or sorted set of a partition's ledger, under the name that its owner gives it. */
  owned: (partition: number, name: string): string => `${tag(partition)}:${name}`,
  /**
   * Hash, the ledger of the last backfill of a window: version, run and filled (JSON), status, reason, and what its
   * next commit builds on, named as in `meta`.
   */
  backfill: (partition: number, window: string): string => `${tag(partition)}:fill:${window}`,
  /**
   * Never exists. A script that removes keys and writes to them again names it: while its slot is on its way to another node,
   * the node refuses a call with a key that it does not have, before the script begins. Otherwise it would refuse a command in
   * the middle of the script.
   */
  absent: (partition: number): string => `${tag(partition)}:absent`,
  /** The same of the backfill of a window. */
  backfillOwned: (partition: number, window: string, name: string): string =>
    `${tag(partition)}:fill:${window}:${name}`,
  /** Hash gateway -> `<turn> <heartbeat>` (Redis ms): those that report who is connected to them. */
  presence: (partition: number): string => `${tag(partition)}:presence`,
  /** Hash, what one of them reports: see presence/share.ts. */
  presenceOf: (partition: number, gateway: string): string => `${tag(partition)}:presence:${gateway}`,
  /** Set of `<partition> <window>`: backfills that may be under way. */
  backfills: 'tg:backfills',
  /** Hash: partitions, written at first start, checked at every start; growth (JSON) while their number changes. */
  cluster: 'tg:cluster',
  /** A key of a partition that is being made, under its name there. It lies where it will: then a rename puts it in its place. */
  grown: (partition: number, name: string): string => `tg:grown:${tag(partition)}:${name}`,
  /** String: the largest sequence name that a gateway may have given to a producer, as of the last second. */
  sequence: 'tg:sequence',
  /** String: the format of all data, and the version that brought it there. */
  format: 'tg:format',
  /** Hash: state (JSON: see contract-head.ts), record (JSON: what the contract holds). It stays when nothing runs any more. */
  contractHead: 'tg:contract:{tg:contract}:head',
  /** Hash generation of the contract -> last heartbeat (Redis ms) of any process of it. */
  contractLive: 'tg:contract:{tg:contract}:live',
  /** String with a short life: hash of the head, for versions before generations. */
  contract: 'tg:contract',
  /** String: what those versions recorded of their contract. */
  contractRecord: 'tg:contract:record',
  /** Hash entity -> the highest version of it that a worker has run with. */
  entityVersions: 'tg:entity-versions',
  /** Sorted set worker id -> last heartbeat (Redis ms). */
  workers: 'tg:workers',
  /** The same of workers of one generation of the contract. It has a short life. Beside `workers`. */
  workersOf: (generation: number): string => `tg:workers:{tg:workers}:${generation}`,
  /** String with a short life: JSON report of one worker, renewed with its heartbeat. Beside `workers`. */
  worker: (workerId: string): string => `tg:worker:{tg:workers}:${workerId}`,
  /** Sorted set gateway -> last heartbeat (Redis ms). */
  gateways: 'tg:gateways',
  /** String with a short life: JSON report of one gateway, renewed with its heartbeat. Beside `gateways`. */
  gateway: (name: string): string => `tg:gateway:{tg:gateways}:${name}`,
  /** Hash topic -> events that commands have stored and no gateway has counted yet; it has a short life. Beside `gateways`. */
  uncounted: 'tg:uncounted:{tg:gateways}',
  /** Random, another after each change of the next two: a count would be the same again where Redis lost some. */
  accessVersion: '{tg:access}:version',
  /** Hash id -> JSON of an API key, without the key. */
  accessKeys: '{tg:access}:keys',
  /** Hash `<kind> <subject or token id>` -> JSON of a revocation. */
  revocations: '{tg:access}:revoked',
  /** String with a short life: whom a ticket stands for. By its hash. */
  ticket: (hash: string): string => `{tg:access}:ticket:${hash}`,
  /**
   * String with a short life: written by probes to show that a Redis accepts writes, one per class of operations.
   *
   * @param beside a key that the Redis holds
   */
  probe: (busClass: string, beside: string): string => `tg:probe:${busClass}:{${tagOf(beside)}}`,
} as const

/** What belongs to no partition, by one key of each slot. Jobs are beside them, for workers only. */
export const CONTROL_KEYS: readonly string[] = [
  keys.cluster,
  keys.contract,
  keys.contractRecord,
  keys.entityVersions,
  keys.sequence,
  keys.workers,
  keys.gateways,
  keys.backfills,
  keys.accessVersion,
]

/** The part of a key that decides on its slot. */
function tagOf(key: string): string {
  return /\{([^}]+)\}/.exec(key)?.[1] ?? key
}

/** Key prefix of BullMQ's queues (one hash tag: one slot). */
export const QUEUE_PREFIX = '{tg:jobs}'

/**
 * Log of a two-stage window's partial results, internal to workers. By grammar it is not a topic name, so nobody can
 * subscribe to it.
 */
export const partialsTopic = (window: string): string => `${window}${PARTIALS}`
const PARTIALS = '~partials'

/** The window of such a log; `undefined` of another one. */
export const windowOfPartials = (topic: string): string | undefined =>
  topic.endsWith(PARTIALS) ? topic.slice(0, -PARTIALS.length) : undefined

/** Log of the canaries of a partition. By grammar it is not a topic name either. */
export const CANARY_TOPIC = '~canary'

/**
 * Log of the commands to the entities of a partition, and of what its owner answered. By grammar not topic names
 * either.
 */
export const COMMANDS_TOPIC = '~commands'
export const ANSWERS_TOPIC = '~answers'
