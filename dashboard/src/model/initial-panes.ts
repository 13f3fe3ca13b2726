import { isPane, type Pane } from './pane.ts'
import { stepMs, type WindowTopic } from './topics.ts'
import { compareKeys } from './window-series.ts'

/** Charts start with this many windows of history, if they are still kept. */
export const HISTORY_WINDOWS = 60

/**
 * Which of a window's latest results a chart starts with: a key that fell silent long ago would stretch the time axis for
 * a single point. In the order of their keys, as lines get their colours in the order they come.
 */
export function initialPanes(results: readonly unknown[], topic: WindowTopic, nowMs: number): Pane[] {
  const oldestMs = nowMs - HISTORY_WINDOWS * stepMs(topic)
  return results
    .filter(isPane)
    .filter(({ end }) => end > oldestMs)
    .sort((a, b) => compareKeys(a.key, b.key))
}
