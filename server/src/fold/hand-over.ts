import { LOG_START } from '../bus/index.ts'
import { extentMs } from '../config/contract/append-lead.ts'
import type { TopicDefinition, WindowSpec, WindowTopic } from '../config/contract/model.ts'
import { windowsOf } from '../operators/index.ts'
import type { Pipeline } from './pipeline.ts'
import type { Offsets, StoredProgress, WindowBegin } from './progress.ts'

type Topics = ReadonlyMap<string, TopicDefinition>

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

/** The start of the last window that an event of time `t` belongs to. An event between windows has only its time. */
export function lastStart(t: number, spec: WindowSpec): number {
  return windowsOf(t, spec).at(-1)?.[0] ?? t
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
