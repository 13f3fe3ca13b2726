import { LOG_START } from '../bus/index.ts'
import type { TopicDefinition, WindowSpec, WindowTopic } from '../config/model.ts'
import { windowsOf } from '../operators/index.ts'
import type { Pipeline } from './pipeline.ts'
import type { Offsets, StoredProgress, WindowBegin } from './progress.ts'

type Topics = ReadonlyMap<string, TopicDefinition>

/** Maximum difference between the clocks of gateways and Redis. */
const MAX_SKEW_MS = 60_000
/** A topic may have been declared with a larger `maxFuture` when its events were stored. */
const MIN_AHEAD_MS = 60_000

/**
 * Where the windows of a partition begin: a known one where it did, a new one, or one that restarts, behind the entries
 * its inputs held by then.
 */
export function beginsOf(
  pipeline: Pipeline,
  progress: StoredProgress,
  offsets: Offsets,
  anew: ReadonlySet<string> = new Set(),
): Record<string, WindowBegin> {
  const begins: Record<string, WindowBegin> = {}
  for (const window of pipeline.windows) {
    const { name } = window
    const begin =
      progress.versions[name] === pipeline.versions[name] && !anew.has(name)
        ? progress.begins[name]
        : beginOfNew(window, pipeline, progress, offsets)
    if (begin !== undefined) begins[name] = begin
  }
  return begins
}

function beginOfNew(
  window: WindowTopic,
  { contract, inputs }: Pipeline,
  { maxTimes }: StoredProgress,
  offsets: Offsets,
) {
  const start = handOverTo(window, contract.topics, maxTimes)
  if (start === Number.NEGATIVE_INFINITY) return undefined
  return { start, after: Object.fromEntries(inputs.map(({ name }) => [name, offsets.get(name) ?? LOG_START])) }
}

/**
 * The start from which a new window has all events of its windows, ms, if it joins logs whose largest event times so
 * far are `maxTimes`; -Infinity when nothing of them was read. Earlier windows lost events to the time before and are
 * left to a backfill. A session counts from a whole gap later, because a shorter one may join it to earlier events.
 */
export function handOverTo(window: WindowTopic, topics: Topics, maxTimes: Readonly<Record<string, number>>): number {
  return latestInput(window, topics, maxTimes) + (window.spec.type === 'session' ? window.spec.gapMs : 1)
}

/** How long after one of its events a window may end, ms. */
export function extentMs(spec: WindowSpec): number {
  return spec.type === 'session' ? spec.gapMs : spec.sizeMs
}

/** The start of the last window that an event of time `t` belongs to. An event between windows has only its time. */
export function lastStart(t: number, spec: WindowSpec): number {
  return windowsOf(t, spec).at(-1)?.[0] ?? t
}

/**
 * How long before the start of a window its events may have been appended, ms: an event's time is at most `maxFuture`
 * ahead of the clock, and inputs through other windows have the times of those windows' events.
 */
export function appendedBeforeMs({ spec, from }: WindowTopic, topics: Topics): number {
  const own = spec.type === 'session' ? spec.gapMs : 0
  return own + Math.max(...from.map((input) => inputAppendedBeforeMs(input, topics)))
}

function inputAppendedBeforeMs(name: string, topics: Topics): number {
  const topic = topics.get(name)
  if (topic?.kind === 'flow') return inputAppendedBeforeMs(topic.from, topics)
  if (topic?.kind === 'window') return extentMs(topic.spec) + appendedBeforeMs(topic, topics)
  const aheadMs = topic?.kind === 'source' ? topic.maxFutureMs : 0
  return Math.max(aheadMs, MIN_AHEAD_MS) + MAX_SKEW_MS
}

function latestInput({ from }: WindowTopic, topics: Topics, maxTimes: Readonly<Record<string, number>>): number {
  return Math.max(...from.map((input) => latestOf(input, topics, maxTimes)))
}

/** The largest time that an event of a topic may have by now. */
function latestOf(name: string, topics: Topics, maxTimes: Readonly<Record<string, number>>): number {
  const topic = topics.get(name)
  if (topic?.kind === 'flow') return latestOf(topic.from, topics, maxTimes)
  if (topic?.kind === 'window') return latestInput(topic, topics, maxTimes) + extentMs(topic.spec) - 1
  return maxTimes[name] ?? Number.NEGATIVE_INFINITY
}
