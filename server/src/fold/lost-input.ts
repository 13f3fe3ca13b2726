import { compareStreamIds } from '@tidegate/protocol'
import { LOG_START } from '../bus/index.ts'
import type { Pipeline } from './pipeline.ts'
import { msOf } from './progress.ts'
import type { StoredState } from './stored-state.ts'

/** A log from which retention removed entries before they were folded. */
export interface LostInput {
  readonly topic: string
  /** Entries up to here are gone. */
  readonly trimmedTo: string
  /** The largest event time of the first kept entries, ms; absent when there are none. */
  readonly firstTime: number | undefined
}

/** Whether a reader at `offset` has lost entries. */
export function isLost(offset: string | undefined, trimmedTo: string): boolean {
  return compareStreamIds(trimmedTo, offset ?? LOG_START) > 0
}

/**
 * The state with which to continue behind lost entries. Windows over the log restart: their state belongs to other
 * windows than the events to come, and windows that start before all events are complete again are not emitted.
 */
export function beginAnew<State extends StoredState>(
  pipeline: Pipeline,
  state: State,
  lost: readonly LostInput[],
): State {
  if (lost.length === 0) return state
  const { progress } = state
  const [offsets, maxTimes] = [new Map(state.offsets), { ...progress.maxTimes }]
  const anew = new Set<string>()
  for (const { topic, trimmedTo, firstTime } of lost) {
    const windows = pipeline.windows.filter(({ name }) => pipeline.sourcesOf(name).includes(topic))
    const outOfOrdernessMs = Math.max(0, ...windows.map(({ spec }) => spec.outOfOrdernessMs))
    // A lost event is on time at most by this much later than the kept ones.
    const bound = firstTime === undefined ? timeOf(trimmedTo, state, topic) : firstTime + outOfOrdernessMs
    maxTimes[topic] = Math.max(maxTimes[topic] ?? Number.NEGATIVE_INFINITY, bound)
    offsets.set(topic, trimmedTo)
    for (const { name } of windows) anew.add(name)
  }
  return { ...state, offsets, anew, progress: { ...progress, maxTimes } }
}

/** The event time reached when an entry was appended, assuming the lag behind the clock is as at the last read. */
function timeOf(streamId: string, { offsets, progress }: StoredState, topic: string): number {
  const [offset, maxTime] = [offsets.get(topic), progress.maxTimes[topic]]
  const lagMs = offset === undefined || maxTime === undefined ? 0 : msOf(offset) - maxTime
  return msOf(streamId) - lagMs
}
