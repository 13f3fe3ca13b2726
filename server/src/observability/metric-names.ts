/** Every metric of Tidegate: name and what it counts. Labels are named where the metric is made. */
export const METRICS = {
  sessions: { name: 'tidegate_sessions', help: 'Open WebSocket sessions' },
  frames: { name: 'tidegate_publish_frames_total', help: 'Publish frames answered, by outcome' },
  commandTime: {
    name: 'tidegate_command_seconds',
    help: 'Time from a command to its answer, by outcome: done, domain (a code of the entity) or another code',
  },
  pendingCommands: { name: 'tidegate_pending_commands', help: 'Commands stored that have no outcome yet' },
  pendingBytes: { name: 'tidegate_append_pending_bytes', help: 'Bytes waiting to be appended' },
  ready: { name: 'tidegate_ready', help: '1 while /readyz says 200' },
  canaryAge: {
    name: 'tidegate_canary_age_ms',
    help: 'How long ago something came through Redis and back, by partition',
  },
  breaker: { name: 'tidegate_breaker_open', help: '1 while the breaker of an operation class is open, 0.5 half open' },
  delivered: { name: 'tidegate_delivered_events', help: 'Events handed to sockets, by lane' },
  gapped: { name: 'tidegate_gapped_events', help: 'Events reported in gaps, by lane' },
  conflated: {
    name: 'tidegate_conflated_events',
    help: 'Events withheld from slow subscribers in favour of later ones of their keys, by lane',
  },
  sampled: { name: 'tidegate_sampled_events', help: 'Events withheld from slow subscribers by sampling, by lane' },
  queueBytes: { name: 'tidegate_queue_bytes', help: 'Memory of the events that wait for their sockets' },
  congested: { name: 'tidegate_congested_sessions', help: 'Sessions above their high-water mark' },
  queued: { name: 'tidegate_queued_events', help: 'Events waiting for their sockets, by lane' },
  subscriptions: { name: 'tidegate_subscriptions', help: 'Open subscriptions' },
  lag: { name: 'tidegate_consumer_lag_ms', help: 'Age of the oldest entry of the last read, by partition' },
  openStates: { name: 'tidegate_open_window_states', help: 'Open (window, key) states, by partition' },
  stateBytes: { name: 'tidegate_window_state_bytes', help: 'Memory of window states in Redis, by partition' },
  slowestSource: {
    name: 'tidegate_window_slowest_source_ms',
    help: 'How far the active source or key that is furthest behind holds a window back, by window and partition',
  },
  folded: { name: 'tidegate_folded_events', help: 'Events folded since the worker started, by worker' },
  late: { name: 'tidegate_late_events', help: 'Events too late for every window since the worker started, by worker' },
  full: {
    name: 'tidegate_window_full_events',
    help: 'Events a window had no room for since the worker started, by worker',
  },
  panes: { name: 'tidegate_panes', help: 'Panes emitted since the worker started, by worker' },
  deadLetters: {
    name: 'tidegate_dead_letters',
    help: 'Events a flow or window could not take since the worker started, by worker',
  },
  lostInputs: {
    name: 'tidegate_lost_inputs',
    help: 'Inputs found trimmed before they were folded since the worker started, by worker: their windows began anew',
  },
  commits: { name: 'tidegate_commits', help: 'Commits since the worker started, by worker and outcome' },
  commitTime: { name: 'tidegate_commit_ms', help: 'Time spent in commits since the worker started, by worker' },
  slowestCommit: { name: 'tidegate_slowest_commit_ms', help: 'Longest commit since the last report, by worker' },
  workerBreaker: { name: 'tidegate_worker_breaker_open', help: '1 while a breaker of a worker is open, 0.5 half open' },
} as const
