import { compareStreamIds } from '@tidegate/protocol'
import { LOG_START } from '../bus/index.ts'
import type { Pipeline } from './pipeline.ts'
import { msOf } from './progress.ts'
import type { StoredState } from './stored-state.ts'

/** A log of which retention removed entries that were not folded. */
export interface LostInput {
  readonly topic: string
  /** Entries up to here are gone. */
  readonly trimmedTo: string
  /** The largest event time of the first entries kept, ms; absent when none are. */
  readonly firstTime: number | undefined
}

/** Whether a reader that has come to `offset` has lost entries. */
export function isLost(offset: string | undefined, trimmedTo: string): boolean {
  return compareStreamIds(trimmedTo, offset ?? LOG_START) > 0
}

/**
 * The state as of which to go on behind what was lost. Windows over it begin anew: what they hold is of other windows than
 * what comes now, and what starts before they have all events again is not theirs to put out.
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
    // An event that was lost is on time at most by so much later than those kept.
    const bound = firstTime === undefined ? timeOf(trimmedTo, state, topic) : firstTime + outOfOrdernessMs
    maxTimes[topic] = Math.max(maxTimes[topic] ?? Number.NEGATIVE_INFINITY, bound)
    offsets.set(topic, trimmedTo)
    for (const { name } of windows) anew.add(name)
  }
  return { ...state, offsets, anew, progress: { ...progress, maxTimes } }
}

/** What event times had come to when an entry was appended, if they are as far behind the clock as they were when last read. */
function timeOf(streamId: string, { offsets, progress }: StoredState, topic: string): number {
  const [offset, maxTime] = [offsets.get(topic), progress.maxTimes[topic]]
  const lagMs = offset === undefined || maxTime === undefined ? 0 : msOf(offset) - maxTime
  return msOf(streamId) - lagMs
}
