import type { TopicDefinition, WindowSpec, WindowTopic } from './model.ts'

type Topics = ReadonlyMap<string, TopicDefinition>

/** Maximum difference between the clocks of gateways and Redis. */
const MAX_SKEW_MS = 60_000
/** A topic may have been declared with a larger `maxFuture` when its events were stored. */
const MIN_AHEAD_MS = 60_000

/** How long after one of its events a window may end, ms. */
export function extentMs(spec: WindowSpec): number {
  return spec.type === 'session' ? spec.gapMs : spec.sizeMs
}

/**
 * How long before the start of a window its events may have been appended, ms: an event's time is at most `maxFuture`
 * ahead of the clock, and inputs through other windows have the times of those windows' events.
 */
export function appendedBeforeMs({ spec, from }: WindowTopic, topics: Topics): number {
  const own = spec.type === 'session' ? spec.gapMs : 0
  return own + Math.max(...from.map((input) => topicAppendedBeforeMs(input, topics)))
}

/**
 * How long before its time an event of a topic may have been appended, ms: a source takes times that are so far ahead, and
 * an early pane has the time of the end of its window.
 */
export function topicAppendedBeforeMs(name: string, topics: Topics): number {
  const topic = topics.get(name)
  if (topic?.kind === 'flow') return topicAppendedBeforeMs(topic.from, topics)
  if (topic?.kind === 'window') return extentMs(topic.spec) + appendedBeforeMs(topic, topics)
  const aheadMs = topic?.kind === 'source' ? topic.maxFutureMs : 0
  return Math.max(aheadMs, MIN_AHEAD_MS) + MAX_SKEW_MS
}
