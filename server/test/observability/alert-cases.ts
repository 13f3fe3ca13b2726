import type { InputSeries } from './promtool.ts'

/** All is well until then, five minutes, and from the next sample on it is not. */
const WELL = 20
const ILL = 200
const PER_MINUTE = 4

/** A rule, and the trouble that it is for. */
export interface AlertCase {
  /** What it fires for. */
  readonly fires: readonly InputSeries[]
  /** Just short of it, or something like it. */
  readonly silent: readonly InputSeries[]
  /** Minutes until a rate has the figure, besides the time that the rule waits. */
  readonly builds?: number
  /** Of the alert, besides its severity. */
  readonly labels: Readonly<Record<string, string>>
  readonly summary: string
}

const GATEWAY = { job: 'tidegate-gateway', instance: 'g-1:9090' }
const WORKER = { job: 'tidegate-worker', instance: 'w-1:9464' }
const START = { job: 'tidegate-start', instance: 's-1:9464' }

const named = (name: string, labels: Readonly<Record<string, string>>) =>
  `${name}{${Object.entries(labels).map(([label, value]) => `${label}="${value}"`)}}`

type Labels = Readonly<Record<string, string>>

/** A value that is another one when the trouble begins. */
const gauge = (name: string, labels: Labels, well: number, ill: number): InputSeries => ({
  series: named(name, labels),
  values: `${well}+0x${WELL} ${ill}+0x${ILL}`,
})

/** A counter that grows by so much a minute, and by so much when the trouble begins. */
function counter(name: string, labels: Labels, well: number, ill: number): InputSeries {
  const steps = [well, ill].map((perMinute) => perMinute / PER_MINUTE)
  const values = `0+${steps[0]}x${WELL} ${WELL * steps[0]! + steps[1]!}+${steps[1]}x${ILL}`
  return { series: named(name, labels), values }
}

/** A counter that is so much higher at once, and grows no more. */
const once = (name: string, labels: Labels, by: number) => gauge(name, labels, 3, 3 + by)

/** Buckets of a histogram with 60 observations a minute that take as long as the first bound above a time. */
function histogram(name: string, labels: Labels, bounds: readonly string[], well: string, ill: string): InputSeries[] {
  return bounds.map((le, n) => {
    const from = (bound: string) => (bounds.indexOf(bound) <= n ? 60 : 0)
    return counter(`${name}_bucket`, { ...labels, le }, from(well), from(ill))
  })
}

const LATENCIES = ['0.01', '0.5', '1', '2.5', '+Inf']
const MB = 1_048_576

/** Every alert rule: docs/metrics.md. */
export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  TidegateProcessDown: {
    fires: [gauge('up', WORKER, 1, 0)],
    silent: [gauge('up', { job: 'node', instance: 'n-1' }, 1, 0)],
    labels: WORKER,
    summary: 'w-1:9464 does not answer',
  },
  TidegateNoGateway: {
    // As where containers are found by DNS: one that is gone has no value.
    fires: [{ series: named('up', GATEWAY), values: `1+0x${WELL} _x${ILL}` }, gauge('up', WORKER, 1, 1)],
    silent: [gauge('up', GATEWAY, 1, 0), gauge('up', { ...GATEWAY, instance: 'g-2:9090' }, 1, 1)],
    // The last sample counts for five minutes where the target did not say that it goes.
    builds: 5,
    labels: {},
    summary: 'No gateway answers',
  },
  TidegateNotReady: {
    fires: [gauge('tidegate_ready', GATEWAY, 1, 0)],
    silent: [gauge('tidegate_ready', GATEWAY, 1, 1)],
    labels: GATEWAY,
    summary: 'g-1:9090 is not ready',
  },
  TidegatePartitionsWithoutOwner: {
    // The worker that owned six of them is gone; without the other one there is no value of it at all.
    fires: [gauge('tidegate_partitions', GATEWAY, 8, 8), gauge('tidegate_owned_partitions', WORKER, 8, 2)],
    silent: [
      gauge('tidegate_partitions', GATEWAY, 8, 8),
      gauge('tidegate_owned_partitions', WORKER, 4, 6),
      gauge('tidegate_owned_partitions', { ...WORKER, instance: 'w-2:9464' }, 4, 2),
    ],
    labels: {},
    summary: '6 partitions have no owner',
  },
  TidegatePartitionUnreachable: {
    fires: ['g-1', 'g-2'].map((instance) =>
      gauge('tidegate_canary_age_seconds', { ...GATEWAY, instance, partition: '3' }, 0.4, 12),
    ),
    silent: ['g-1', 'g-2'].map((instance, n) =>
      gauge('tidegate_canary_age_seconds', { ...GATEWAY, instance, partition: '3' }, 0.4, n === 0 ? 12 : 0.4),
    ),
    labels: { partition: '3' },
    summary: 'Nothing comes through partition 3, at any gateway',
  },
  TidegateBreakerOpen: {
    fires: [
      gauge('tidegate_breaker_state', { ...GATEWAY, class: 'append', redis: '10.0.0.5:6379', state: 'open' }, 0, 1),
    ],
    silent: [gauge('tidegate_breaker_state', { ...GATEWAY, class: 'append', redis: '', state: 'half_open' }, 0, 1)],
    labels: { ...GATEWAY, class: 'append', redis: '10.0.0.5:6379', state: 'open' },
    summary: 'Calls of append to Redis 10.0.0.5:6379 fail at g-1:9090',
  },
  TidegateClockWrong: {
    fires: [clock(3)],
    silent: [clock(1)],
    labels: GATEWAY,
    summary: 'The clock of g-1:9090 is wrong by 3s',
  },
  TidegateChildRestarts: {
    fires: [once('tidegate_child_restarts_total', { ...START, child: 'worker 1' }, 4)],
    silent: [once('tidegate_child_restarts_total', { ...START, child: 'worker 1' }, 1)],
    labels: { ...START, child: 'worker 1' },
    summary: 'worker 1 keeps ending',
  },

  TidegatePublishesRejected: {
    fires: [
      counter('tidegate_publish_frames_total', { ...GATEWAY, outcome: 'ack' }, 100, 50),
      counter('tidegate_publish_frames_total', { ...GATEWAY, outcome: 'unavailable' }, 0, 50),
    ],
    // Mistakes of clients are theirs.
    silent: [
      counter('tidegate_publish_frames_total', { ...GATEWAY, outcome: 'ack' }, 100, 50),
      counter('tidegate_publish_frames_total', { ...GATEWAY, outcome: 'validation_failed' }, 0, 50),
    ],
    builds: 5,
    labels: {},
    summary: '50% of all publishes are rejected',
  },
  TidegatePublishSlow: {
    fires: histogram('tidegate_publish_to_store_seconds', GATEWAY, LATENCIES, '0.01', '1'),
    silent: histogram('tidegate_publish_to_store_seconds', GATEWAY, LATENCIES, '0.01', '0.5'),
    builds: 5,
    labels: {},
    summary: 'Publishes take 995ms until they are stored (p99)',
  },
  TidegateClientsLimited: {
    fires: [counter('tidegate_limited_total', { ...GATEWAY, limit: 'caller.frames' }, 0, 1_200)],
    silent: [counter('tidegate_limited_total', { ...GATEWAY, limit: 'caller.frames' }, 0, 400)],
    builds: 5,
    labels: { limit: 'caller.frames' },
    summary: 'The limit caller.frames refuses 20 requests a second',
  },

  TidegateDeliverySlow: {
    fires: histogram('tidegate_store_to_socket_seconds', GATEWAY, LATENCIES, '0.01', '2.5'),
    silent: histogram('tidegate_store_to_socket_seconds', GATEWAY, LATENCIES, '0.01', '1'),
    builds: 5,
    labels: {},
    summary: 'Events take 2.485s from Redis to the sockets (p99)',
  },
  TidegateEventsWithheld: {
    fires: [counter('tidegate_delivery_events_total', { ...GATEWAY, lane: 'low', outcome: 'gapped' }, 0, 120)],
    silent: [counter('tidegate_delivery_events_total', { ...GATEWAY, lane: 'low', outcome: 'conflated' }, 0, 120)],
    builds: 5,
    labels: { lane: 'low' },
    summary: '600 events of lane low were withheld from slow clients in 5 minutes',
  },
  TidegateQueuesFull: {
    fires: queues(0.9),
    silent: queues(0.7),
    labels: GATEWAY,
    summary: 'Waiting events take 90% of their memory at g-1:9090',
  },

  TidegateLagging: {
    fires: [gauge('tidegate_lag_seconds', { ...WORKER, partition: '3' }, 0, 45)],
    silent: [gauge('tidegate_lag_seconds', { ...WORKER, partition: '3' }, 0, 25)],
    labels: { ...WORKER, partition: '3' },
    summary: 'Partition 3 is 45s behind',
  },
  TidegateWatermarkStuck: {
    fires: [gauge('tidegate_watermark_delay_seconds', { ...WORKER, partition: '3', window: 'a.10s' }, 2, 1_000)],
    silent: [gauge('tidegate_watermark_delay_seconds', { ...WORKER, partition: '3', window: 'a.10s' }, 2, 800)],
    labels: { ...WORKER, partition: '3', window: 'a.10s' },
    summary: 'Window a.10s waits in partition 3',
  },
  TidegateDeadLetters: {
    fires: [once('tidegate_dead_letters_total', WORKER, 4)],
    silent: [once('tidegate_dead_letters_total', WORKER, 0)],
    labels: WORKER,
    summary: 'Code of the application threw at 4 events',
  },
  TidegateInputLost: {
    fires: [once('tidegate_lost_inputs_total', WORKER, 1)],
    silent: [once('tidegate_lost_inputs_total', WORKER, 0)],
    labels: WORKER,
    summary: 'Retention removed events before they were folded',
  },
  TidegateUnreadable: {
    fires: [once('tidegate_unreadable_batches_total', WORKER, 1)],
    silent: [once('tidegate_unreadable_batches_total', WORKER, 0)],
    labels: WORKER,
    summary: 'Record batches cannot be read and are passed over',
  },
  TidegateCommitsRefused: {
    fires: [counter('tidegate_commit_seconds_count', { ...WORKER, outcome: 'fenced' }, 0, 30)],
    // Each partition is moved once.
    silent: [once('tidegate_commit_seconds_count', { ...WORKER, outcome: 'fenced' }, 8)],
    builds: 5,
    labels: {},
    summary: '0.5 commits a second are refused',
  },

  TidegateRedisFull: {
    fires: memory('', 75),
    silent: [...memory('', 60), ...memory('10.0.0.5:6379', 75, 0)],
    labels: { ...WORKER, redis: '' },
    summary: 'Redis uses 75% of its memory',
  },
  TidegateRedisPersistenceOff: {
    fires: [gauge('tidegate_redis_aof_enabled', { ...WORKER, redis: '' }, 1, 0)],
    silent: [gauge('tidegate_redis_aof_enabled', { ...WORKER, redis: '' }, 1, 1)],
    labels: { ...WORKER, redis: '' },
    summary: 'Redis writes no append-only file',
  },
  TidegateRedisPersistenceFails: {
    fires: [gauge('tidegate_redis_aof_ok', { ...WORKER, redis: '10.0.0.5:6379', operation: 'rewrite' }, 1, 0)],
    silent: [gauge('tidegate_redis_aof_ok', { ...WORKER, redis: '10.0.0.5:6379', operation: 'rewrite' }, 1, 1)],
    labels: { ...WORKER, redis: '10.0.0.5:6379', operation: 'rewrite' },
    summary: 'The last rewrite of the append-only file of Redis 10.0.0.5:6379 failed',
  },
  TidegateDiskSlow: {
    fires: [counter('tidegate_redis_aof_delayed_fsyncs_total', { ...WORKER, redis: '' }, 0, 6)],
    silent: [counter('tidegate_redis_aof_delayed_fsyncs_total', { ...WORKER, redis: '' }, 0, 0.8)],
    builds: 10,
    labels: { ...WORKER, redis: '' },
    summary: 'The disk of Redis is slow: 60 writes waited for an fsync in 10 minutes',
  },
  TidegateRedisConnections: {
    fires: connections(90),
    silent: connections(70),
    labels: { ...WORKER, redis: '' },
    summary: '90% of the connections that Redis accepts are open',
  },
  TidegateEventLoopBusy: {
    fires: [gauge('nodejs_eventloop_lag_p99_seconds', GATEWAY, 0.02, 0.4)],
    silent: [
      gauge('nodejs_eventloop_lag_p99_seconds', GATEWAY, 0.02, 0.2),
      gauge('nodejs_eventloop_lag_p99_seconds', { job: 'shop', instance: 's-1' }, 0.02, 0.4),
    ],
    labels: GATEWAY,
    summary: 'The event loop of g-1:9090 lags by 400ms (p99)',
  },
  TidegateOpenFiles: {
    fires: files(GATEWAY, 900),
    silent: [...files(GATEWAY, 700), ...files({ job: 'shop', instance: 's-1' }, 900)],
    labels: GATEWAY,
    summary: 'g-1:9090 has 90% of its files open',
  },
}

/** A clock that is ahead by so many seconds: a sample of one that is right is the time at which it was taken. */
function clock(aheadS: number): InputSeries {
  const values = `0+15x${WELL} ${(WELL + 1) * 15 + aheadS}+15x${ILL}`
  return { series: named('tidegate_time_seconds', GATEWAY), values }
}

function queues(share: number): InputSeries[] {
  return [
    gauge('tidegate_queue_memory_bytes', GATEWAY, 0, share * 256 * MB),
    gauge('tidegate_queue_memory_limit_bytes', GATEWAY, 256 * MB, 256 * MB),
  ]
}

function memory(redis: string, usedMb: number, limitMb = 100): InputSeries[] {
  return [
    gauge('tidegate_redis_memory_used_bytes', { ...WORKER, redis }, 10 * MB, usedMb * MB),
    gauge('tidegate_redis_memory_limit_bytes', { ...WORKER, redis }, limitMb * MB, limitMb * MB),
  ]
}

function connections(open: number): InputSeries[] {
  return [
    gauge('tidegate_redis_connections', { ...WORKER, redis: '' }, 12, open),
    gauge('tidegate_redis_connection_limit', { ...WORKER, redis: '' }, 100, 100),
  ]
}

function files(of: Labels, open: number): InputSeries[] {
  return [gauge('process_open_fds', of, 40, open), gauge('process_max_fds', of, 1_000, 1_000)]
}
