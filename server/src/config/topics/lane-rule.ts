import { isLane, LANES, type Lane } from '@tidegate/protocol'
import { TopicProblem } from '../config-error.ts'
import type { Priority } from '../declarations/declaration.ts'

const DEFAULT_LANE: Lane = 'normal'

/**
 * The lane of each event of a topic. The result never throws: a rule that throws or answers something that is no lane
 * gives `normal`, because the event itself is valid and its publisher cannot mend the config.
 */
export function laneRule(priority: Priority | undefined): (data: unknown) => Lane {
  if (typeof priority !== 'function') {
    const lane = fixedLane(priority)
    return () => lane
  }
  return (data) => {
    try {
      const lane: unknown = priority(data)
      return isLane(lane) ? lane : DEFAULT_LANE
    } catch {
      return DEFAULT_LANE
    }
  }
}

/** The one lane of all results of a window. */
export function fixedLane(priority: unknown): Lane {
  if (priority === undefined) return DEFAULT_LANE
  if (isLane(priority)) return priority
  throw new TopicProblem('bad_priority', `priority is ${String(priority)}; it must be one of ${LANES.join(', ')}`)
}
