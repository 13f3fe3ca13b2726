import { LIMITS, type ResumeFrom } from '@tidegate/protocol'
import { HISTORY_WINDOWS } from './initial-panes.ts'
import { isWindow, stepMs, type Topic, type WindowTopic } from './topics.ts'
import { MAX_LINES } from './window-series.ts'

/** Reaches back over the time between reading the latest results and subscribing. */
const OVERLAP_MS = 5_000

interface PlannedSubscription {
  readonly selector: string
  readonly from: ResumeFrom
}

/**
 * What the page subscribes to: every topic by itself, so that charts can start with history and everything else at now.
 * A config with more topics than a session may have subscriptions gets a single one for all, without history.
 *
 * @param keyCounts keys with recent results per window topic. A window with more keys than lines starts at now: its history
 *   would mostly be results that are not drawn.
 */
export function planSubscriptions(
  topics: readonly Topic[],
  keyCounts: ReadonlyMap<string, number>,
  nowMs: number,
): PlannedSubscription[] {
  if (topics.length > LIMITS.subscriptions) return [{ selector: '>', from: 'now' }]
  return topics.map((topic) => ({
    selector: topic.name,
    from: isWindow(topic) ? { time: nowMs - historyMs(topic, keyCounts.get(topic.name) ?? 0) } : 'now',
  }))
}

function historyMs(topic: WindowTopic, keys: number): number {
  return keys > MAX_LINES ? OVERLAP_MS : Math.min(HISTORY_WINDOWS * stepMs(topic), topic.retentionMs)
}
