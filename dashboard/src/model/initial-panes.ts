import { isPane, type Pane } from './pane.ts'
import { stepMs, type WindowTopic } from './topics.ts'
import { compareKeys, MAX_PANES } from './window-series.ts'

/** Charts start with this many windows of history, if they are still kept. */
const HISTORY_WINDOWS = 60
/** Those with many keys with this many, so that there are lines. */
const MIN_WINDOWS = 3

/** Windows of history of a chart with so many keys: what it would keep of it. */
export function historyWindows(keys: number): number {
  return Math.max(MIN_WINDOWS, Math.min(HISTORY_WINDOWS, Math.floor(MAX_PANES / Math.max(1, keys))))
}

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
