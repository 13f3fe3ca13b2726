/** The processes of a deployment. */
export type Role = 'gateway' | 'worker' | 'supervisor'

export interface MetricDefinition {
  /** By the conventions of Prometheus: counters end in `_total`, the unit is a base unit and the end of the name. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Label -> its values. Whatever clients choose - keys, subjects, sources - is no label: the values are bounded. */
  readonly labels: Readonly<Record<string, string>>
  /** Processes that export it. Of several of one role each counts what is its own, so that sums count nothing twice. */
  readonly of: readonly Role[]
  /** Upper bounds of a histogram, in its unit. */
  readonly buckets?: readonly number[]
}

/** Seconds. An append and a tick of delivery take some ms; above 10 s nobody waits any more. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Seconds: from a sensor beside the gateway to one that was offline for a day. */
const SOURCE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3_600, 86_400]
/** Seconds: an answer takes some ms, a takeover of its partition 1.5 s, and a deadline is 10 s where none is named. */
const COMMAND_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** Seconds: the largest commit takes Redis about 25 ms. */
const COMMIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

const PARTITION = { partition: 'number of the partition' }
const REDIS = { redis: '`host:port` of a master of a [cluster](cluster.md); empty where there is one Redis' }
const LANE = { lane: '`high`, `normal`, `low`' }

const metric = <const D extends MetricDefinition>(definition: D): D => definition

/** Every metric of Tidegate. `docs/metrics.md` is generated from it. */
export const METRICS = {
  buildInfo: metric({
    name: 'tidegate_build_info',
    type: 'gauge',
    help: 'Always 1; its labels name the process and what it runs',
    labels: {
      version: 'of Tidegate',
      node_version: 'of Node',
      role: '`gateway`, `worker`, `supervisor`',
      node: '`TIDEGATE_NODE`',
    },
    of: ['gateway', 'worker', 'supervisor'],
  }),
  time: metric({
    name: 'tidegate_time_seconds',
    type: 'gauge',
    help: 'What the clock of the process shows, seconds since 1970',
    labels: {},
    of: ['gateway', 'worker', 'supervisor'],
  }),
  ready: metric({
    name: 'tidegate_ready',
    type: 'gauge',
    help: '1 while /readyz of the process answers 200, else 0',
    labels: {},
    of: ['gateway', 'worker', 'supervisor'],
  }),
  partitions: metric({
    name: 'tidegate_partitions',
    type: 'gauge',
    help: 'Partitions of the deployment, the same in every process',
    labels: {},
    of: ['gateway', 'worker'],
  }),
  breaker: metric({
    name: 'tidegate_breaker_state',
    type: 'gauge',
    help: '1 for the state in which the breaker of a class of Redis calls is, else 0',
    labels: { class: '`append`, `commit`, `tail`, `query`, `jobs`', ...REDIS, state: '`closed`, `half_open`, `open`' },
    of: ['gateway', 'worker'],
  }),

  connections: metric({
    name: 'tidegate_connections',
    type: 'gauge',
    help: 'Open connections of clients',
    labels: { kind: '`websocket`, `stream` (server-sent events)' },
    of: ['gateway'],
  }),
  subscriptions: metric({
    name: 'tidegate_subscriptions',
    type: 'gauge',
    help: 'Open subscriptions',
    labels: {},
    of: ['gateway'],
  }),
  frames: metric({
    name: 'tidegate_publish_frames_total',
    type: 'counter',
    help: 'Publish frames answered, and of HTTP requests the events of each topic',
    labels: { outcome: '`ack`, or the [code](errors.md) of the rejection' },
    of: ['gateway'],
  }),
  publishToStore: metric({
    name: 'tidegate_publish_to_store_seconds',
    type: 'histogram',
    help: 'From the arrival of events at the appender of their partition until Redis has stored them; one observation for each append, of the events in it that waited longest',
    labels: {},
    of: ['gateway'],
    buckets: LATENCY_BUCKETS,
  }),
  storeToSocket: metric({
    name: 'tidegate_store_to_socket_seconds',
    type: 'histogram',
    help: 'From the moment at which Redis stored events until they were written to a socket, waiting for slow clients included; one observation for each frame, of its oldest event. Replays do not count, nor events that waited while a client was away, or for a `maxRate` or `batch` of their subscription',
    labels: {},
    of: ['gateway'],
    buckets: LATENCY_BUCKETS,
  }),
  sourceToSocket: metric({
    name: 'tidegate_source_to_socket_seconds',
    type: 'histogram',
    help: 'The same from the `time` of an event on: until it was published, as the clock of its source says, included',
    labels: {},
    of: ['gateway'],
    buckets: SOURCE_BUCKETS,
  }),
  pendingBytes: metric({
    name: 'tidegate_append_pending_bytes',
    type: 'gauge',
    help: 'Bytes of published events that Redis has not stored yet',
    labels: {},
    of: ['gateway'],
  }),
  canaryAge: metric({
    name: 'tidegate_canary_age_seconds',
    type: 'gauge',
    help: 'How long ago something came through Redis and back',
    labels: PARTITION,
    of: ['gateway'],
  }),
  commandTime: metric({
    name: 'tidegate_command_seconds',
    type: 'histogram',
    help: 'From a command to its answer',
    labels: { outcome: '`done`, `domain` (a code of the entity), or another code' },
    of: ['gateway'],
    buckets: COMMAND_BUCKETS,
  }),
  pendingCommands: metric({
    name: 'tidegate_pending_commands',
    type: 'gauge',
    help: 'Commands stored that have no outcome yet',
    labels: {},
    of: ['gateway'],
  }),
  delivered: metric({
    name: 'tidegate_delivery_events_total',
    type: 'counter',
    help: 'Events that matched a subscription, by what became of them',
    labels: {
      ...LANE,
      outcome:
        '`delivered` to the socket; `conflated`, in favour of a later one of the key; `sampled`; `gapped`, reported in a gap',
    },
    of: ['gateway'],
  }),
  gaps: metric({
    name: 'tidegate_gaps_total',
    type: 'counter',
    help: 'Gaps sent to clients',
    labels: { reason: 'as in the [protocol](../protocol/PROTOCOL.md#gap)' },
    of: ['gateway'],
  }),
  queued: metric({
    name: 'tidegate_queued_events',
    type: 'gauge',
    help: 'Events that wait for their sockets',
    labels: LANE,
    of: ['gateway'],
  }),
  queuedBytes: metric({
    name: 'tidegate_queued_bytes',
    type: 'gauge',
    help: 'Bytes that wait for their sockets, as they will be written',
    labels: LANE,
    of: ['gateway'],
  }),
  queueMemory: metric({
    name: 'tidegate_queue_memory_bytes',
    type: 'gauge',
    help: 'Memory of the events that wait for their sockets; events that wait for several count once',
    labels: {},
    of: ['gateway'],
  }),
  queueLimit: metric({
    name: 'tidegate_queue_memory_limit_bytes',
    type: 'gauge',
    help: '`TIDEGATE_QUEUE_MB`: above it queues are cut',
    labels: {},
    of: ['gateway'],
  }),
  congested: metric({
    name: 'tidegate_congested_connections',
    type: 'gauge',
    help: 'Connections above their high-water mark',
    labels: {},
    of: ['gateway'],
  }),
  refused: metric({
    name: 'tidegate_limited_total',
    type: 'counter',
    help: 'Refusals because of a [limit](limits.md)',
    labels: { limit: 'name of the limit' },
    of: ['gateway'],
  }),
  pinned: metric({
    name: 'tidegate_held_bytes',
    type: 'gauge',
    help: 'Memory that clients make the gateway keep',
    labels: {
      of: '`subscriptions`; `bodies`, HTTP bodies and queries under way; `commands` without an outcome; `frames` that wait for their turn; `replay_pages` of logs; `sockets`, what was written and is not read',
    },
    of: ['gateway'],
  }),
  filterTerms: metric({
    name: 'tidegate_filter_terms',
    type: 'gauge',
    help: 'Conditions in the filters of open subscriptions',
    labels: {},
    of: ['gateway'],
  }),
  limitAccounts: metric({
    name: 'tidegate_limit_accounts',
    type: 'gauge',
    help: 'Addresses and callers whose use is remembered',
    labels: { scope: '`address`, `caller`' },
    of: ['gateway'],
  }),
  presenceConnections: metric({
    name: 'tidegate_presence_connections',
    type: 'gauge',
    help: 'Connections to this gateway that are [present](presence.md) in a topic',
    labels: { topic: 'name of the presence topic' },
    of: ['gateway'],
  }),

  owned: metric({
    name: 'tidegate_owned_partitions',
    type: 'gauge',
    help: 'Partitions that the worker owns. Fewer in all than `tidegate_partitions`: some stand still',
    labels: {},
    of: ['worker'],
  }),
  lagSeconds: metric({
    name: 'tidegate_lag_seconds',
    type: 'gauge',
    help: 'Age of the oldest entry that was read and is not folded; 0 where there is none',
    labels: PARTITION,
    of: ['worker'],
  }),
  lagEntries: metric({
    name: 'tidegate_lag_entries',
    type: 'gauge',
    help: 'Entries in the logs of the inputs that are not folded, looked at every 5 s. An estimate by their ids until a new owner has come to the end once',
    labels: PARTITION,
    of: ['worker'],
  }),
  watermarkDelay: metric({
    name: 'tidegate_watermark_delay_seconds',
    type: 'gauge',
    help: 'How far the watermark of a window is behind the clock while something is open; 0 while nothing is',
    labels: { ...PARTITION, window: 'name of the window' },
    of: ['worker'],
  }),
  slowestSource: metric({
    name: 'tidegate_window_slowest_source_seconds',
    type: 'gauge',
    help: 'How far the active source or key that is furthest behind holds a window back. /readyz of the worker names it',
    labels: { ...PARTITION, window: 'name of the window' },
    of: ['worker'],
  }),
  openStates: metric({
    name: 'tidegate_open_window_states',
    type: 'gauge',
    help: 'Open windows: (window, key, pane) that hold a state',
    labels: PARTITION,
    of: ['worker'],
  }),
  stateBytes: metric({
    name: 'tidegate_window_state_bytes',
    type: 'gauge',
    help: 'Memory of window states in Redis, estimated every 10 s',
    labels: PARTITION,
    of: ['worker'],
  }),
  commitTime: metric({
    name: 'tidegate_commit_seconds',
    type: 'histogram',
    help: 'From sending a commit until it is answered, resends included',
    labels: { outcome: '`ok`; `fenced`, `conflict`, `lineage`: refused, the owner begins anew' },
    of: ['worker'],
    buckets: COMMIT_BUCKETS,
  }),
  folded: metric({
    name: 'tidegate_folded_events_total',
    type: 'counter',
    help: 'Events folded',
    labels: {},
    of: ['worker'],
  }),
  late: metric({
    name: 'tidegate_late_events_total',
    type: 'counter',
    help: 'Events that came after all their windows were forgotten',
    labels: {},
    of: ['worker'],
  }),
  full: metric({
    name: 'tidegate_window_full_events_total',
    type: 'counter',
    help: 'Events that a window had no room for',
    labels: {},
    of: ['worker'],
  }),
  panes: metric({
    name: 'tidegate_panes_total',
    type: 'counter',
    help: 'Panes and withdrawals put out',
    labels: {},
    of: ['worker'],
  }),
  deadLetters: metric({
    name: 'tidegate_dead_letters_total',
    type: 'counter',
    help: 'Events that a flow, window or entity could not take: [dead letters](dead-letters.md)',
    labels: {},
    of: ['worker'],
  }),
  lostInputs: metric({
    name: 'tidegate_lost_inputs_total',
    type: 'counter',
    help: 'Inputs found trimmed before they were folded: their windows began anew',
    labels: {},
    of: ['worker'],
  }),
  unreadableBatches: metric({
    name: 'tidegate_unreadable_batches_total',
    type: 'counter',
    help: 'Record batches passed over because nobody can read them: see the log of the worker',
    labels: {},
    of: ['worker'],
  }),
  presenceSubjects: metric({
    name: 'tidegate_presence_subjects',
    type: 'gauge',
    help: 'Subjects that are published as [present](presence.md)',
    labels: { ...PARTITION, topic: 'name of the presence topic' },
    of: ['worker'],
  }),
  redisMemory: metric({
    name: 'tidegate_redis_memory_used_bytes',
    type: 'gauge',
    help: 'Memory that Redis uses. This and the following ones come from one worker for each Redis: the owner of the first of its partitions',
    labels: REDIS,
    of: ['worker'],
  }),
  redisMemoryLimit: metric({
    name: 'tidegate_redis_memory_limit_bytes',
    type: 'gauge',
    help: '`maxmemory` of Redis; 0 without a limit',
    labels: REDIS,
    of: ['worker'],
  }),
  redisClients: metric({
    name: 'tidegate_redis_connections',
    type: 'gauge',
    help: 'Open connections of clients of Redis, of all processes',
    labels: REDIS,
    of: ['worker'],
  }),
  redisClientLimit: metric({
    name: 'tidegate_redis_connection_limit',
    type: 'gauge',
    help: '`maxclients` of Redis',
    labels: REDIS,
    of: ['worker'],
  }),
  redisAofEnabled: metric({
    name: 'tidegate_redis_aof_enabled',
    type: 'gauge',
    help: '1 while Redis writes an append-only file, else 0',
    labels: REDIS,
    of: ['worker'],
  }),
  redisAofRewriting: metric({
    name: 'tidegate_redis_aof_rewrite_in_progress',
    type: 'gauge',
    help: '1 while the append-only file is rewritten, else 0',
    labels: REDIS,
    of: ['worker'],
  }),
  redisAofOk: metric({
    name: 'tidegate_redis_aof_ok',
    type: 'gauge',
    help: '0 if the last write, or the last rewrite, of the append-only file failed, else 1',
    labels: { ...REDIS, operation: '`write`, `rewrite`' },
    of: ['worker'],
  }),
  redisAofBytes: metric({
    name: 'tidegate_redis_aof_size_bytes',
    type: 'gauge',
    help: 'Size of the append-only file',
    labels: REDIS,
    of: ['worker'],
  }),
  redisDelayedFsync: metric({
    name: 'tidegate_redis_aof_delayed_fsyncs_total',
    type: 'counter',
    help: 'Writes of Redis that waited because an fsync was slow',
    labels: REDIS,
    of: ['worker'],
  }),

  childUp: metric({
    name: 'tidegate_child_up',
    type: 'gauge',
    help: '1 while a process that `tidegate start` runs is ready, else 0',
    labels: { child: 'such as `redis`, `gateway`, `worker 2`' },
    of: ['supervisor'],
  }),
  childRestarts: metric({
    name: 'tidegate_child_restarts_total',
    type: 'counter',
    help: 'How often such a process ended by itself',
    labels: { child: 'as above' },
    of: ['supervisor'],
  }),
} as const

/** What prom-client adds about a process, as far as alerts and dashboards use it. */
export const PROCESS_METRICS = {
  process_cpu_seconds_total: 'CPU time spent',
  process_resident_memory_bytes: 'Memory',
  process_open_fds: 'Open files and sockets (Linux)',
  process_max_fds: 'Limit of open files and sockets (Linux)',
  process_start_time_seconds: 'When it started, since 1970',
  nodejs_eventloop_lag_p99_seconds: 'Lag of the event loop, 99th percentile since the last request of `/metrics`',
  nodejs_eventloop_lag_max_seconds: 'The same, longest',
  nodejs_heap_size_used_bytes: 'Heap in use',
  nodejs_heap_size_total_bytes: 'Heap',
  nodejs_external_memory_bytes: 'Memory of buffers and of C++ objects',
  nodejs_gc_duration_seconds: 'Garbage collection, a histogram by `kind`',
} as const
