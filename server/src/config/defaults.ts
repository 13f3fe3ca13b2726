import type { Duration, PositiveDuration } from './duration.ts'

/**
 * How long entries are kept when a topic does not say.
 *
 * Raw events are the bulk of what Redis holds, and a flow writes at most one event per event: a day covers a night
 * without an operator. Panes are few beside the events they sum up: a week lets a chart show last week beside this
 * one. Late events are kept as long as the panes they missed. What becomes of entities is for who follows it: the
 * trails keep it. Who came and went is for whoever resumes: a snapshot has all who are there.
 */
export const DEFAULT_RETENTION = {
  source: '24h',
  flow: '24h',
  window: '7d',
  entity: '24h',
  presence: '1h',
} as const satisfies Record<string, PositiveDuration>

/** Every pane waits this long: enough for network jitter, short enough to call the page live. */
export const DEFAULT_OUT_OF_ORDERNESS: Duration = '1s'

/** Open windows are kept in Redis this long after they close: a minute covers a client's reconnect. */
export const DEFAULT_ALLOWED_LATENESS: Duration = '1m'

/**
 * A source further behind no longer holds a window back: long enough for one that sends what it kept while it was out
 * of reach, short enough that one stuck clock does not keep everybody's windows open for ever.
 */
export const DEFAULT_MAX_BEHIND: PositiveDuration = '1h'

/** Workers commit at most every 100 ms: shorter windows could not be told apart by when their panes appear. */
export const MIN_WINDOW_MS = 100

/** Workers commit at most every 100 ms: more panes would be stored together, and only the last would matter. */
export const MIN_EMIT_MS = 100

/**
 * Groups in one window and partition. Eight partitions make it 1.6 million keys, beyond what one chart or list can use:
 * more is a key that should not be one, such as a request id.
 */
export const DEFAULT_MAX_KEYS = 200_000

/**
 * States of one window and partition. A state of four aggregates takes about 1.5 kB of the worker: 250,000 are 375 MB,
 * so that one window cannot take a worker down with it.
 */
export const DEFAULT_MAX_OPEN = 250_000

/** Hopping windows that one event may be in: a day by the second. Each of them has a pane of its own. */
export const MAX_WINDOWS_OF_EVENT = 100_000

/** Subjects of a topic that one gateway lists: as many as a page can show. Everybody listed is in every snapshot. */
export const DEFAULT_PRESENCE_ENTRIES = 1_000
/** At 1 KiB of state each, a report of all of them is 10 MiB. */
export const MAX_PRESENCE_ENTRIES = 10_000
