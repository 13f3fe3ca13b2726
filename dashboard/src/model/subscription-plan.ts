import type { ResumeFrom } from '@tidegate/protocol'
import { historyWindows } from './initial-panes.ts'
import { stepMs, type WindowTopic } from './topics.ts'

/** Reaches back over the time between reading the latest results and subscribing. */
const OVERLAP_MS = 5_000

/** Where a chart begins: with as much history as it keeps, and never beyond retention, which would be a gap. */
export function chartFrom(topic: WindowTopic, keys: number, nowMs: number): ResumeFrom {
  return { time: nowMs - Math.min(historyWindows(keys) * stepMs(topic) + OVERLAP_MS, topic.retentionMs) }
}
