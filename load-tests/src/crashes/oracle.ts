import type { Reading } from './reading.ts'

/** Last value of each pane of a topic: `key start end` -> value. */
export type Panes = Map<string, { sum: number; max: number; count: number }>

export interface Expected {
  readonly panes: Readonly<Record<string, Panes>>
  /** Ids of events, by topic. */
  readonly ids: Readonly<Record<string, ReadonlySet<string>>>
}

const OUT_OF_ORDERNESS_MS = 1_000
const LATENESS_MS = 2_000
const TUMBLING_MS = 10_000
const HOP = { sizeMs: 20_000, slideMs: 5_000 }
const GAP_MS = 2_000

/**
 * What must come out, computed from nothing but the log: each partition's record batches in order, the watermark moving
 * after each.
 *
 * @param logs per partition its batches.
 */
export function recompute(logs: readonly (readonly (readonly Reading[])[])[]): Expected {
  const panes: Record<string, Panes> = {
    'crash.tumbling': new Map(),
    'crash.early': new Map(),
    'crash.hopping': new Map(),
    'crash.sessions': new Map(),
    'crash.all': new Map(),
    'crash.site': new Map(),
  }
  const late = new Set<string>()
  const lateForHops = new Set<string>()
  const readings = logs.flat(2)
  for (const batches of logs) {
    let watermark = Number.NEGATIVE_INFINITY
    for (const batch of batches) {
      for (const reading of batch) {
        const { sensor, site, time, v, id } = reading
        const start = floorTo(time, TUMBLING_MS)
        add(panes['crash.all']!, '*', start, start + TUMBLING_MS, v)
        add(panes['crash.site']!, site, start, start + TUMBLING_MS, v)
        if (isForgotten(start + TUMBLING_MS, watermark)) late.add(id)
        else {
          add(panes['crash.tumbling']!, sensor, start, start + TUMBLING_MS, v)
          add(panes['crash.early']!, sensor, start, start + TUMBLING_MS, v)
        }
        const hops = hopsOf(time).filter((hop) => !isForgotten(hop + HOP.sizeMs, watermark))
        if (hops.length === 0) lateForHops.add(id)
        for (const hop of hops) add(panes['crash.hopping']!, sensor, hop, hop + HOP.sizeMs, v)
      }
      watermark = Math.max(watermark, ...batch.map(({ time }) => time - OUT_OF_ORDERNESS_MS))
    }
  }
  for (const [sensor, own] of groupBySensor(readings)) addSessions(panes['crash.sessions']!, sensor, own)
  const ids = (which: readonly Reading[]) => new Set(which.map(({ id }) => id))
  return {
    panes,
    ids: {
      'crash.tumbling.late': late,
      'crash.early.late': late,
      'crash.hopping.late': lateForHops,
      'crash.sessions.late': new Set(),
      'crash.all.late': new Set(),
      'crash.site.late': new Set(),
      'crash.hot': ids(readings.filter(({ v }) => v > 8)),
    },
  }
}

function add(panes: Panes, key: string, start: number, end: number, v: number): void {
  const name = paneName(key, start, end)
  const known = panes.get(name)
  if (known === undefined) panes.set(name, { sum: v, max: v, count: 1 })
  else panes.set(name, { sum: known.sum + v, max: Math.max(known.max, v), count: known.count + 1 })
}

/** Readings less than a gap apart are one session. */
function addSessions(panes: Panes, sensor: string, readings: readonly Reading[]): void {
  const sorted = [...readings].sort((a, b) => a.time - b.time)
  let from = 0
  for (let i = 1; i <= sorted.length; i++) {
    if (i < sorted.length && sorted[i]!.time - sorted[i - 1]!.time < GAP_MS) continue
    const session = sorted.slice(from, i)
    for (const { v } of session) add(panes, sensor, session[0]!.time, session.at(-1)!.time + GAP_MS, v)
    from = i
  }
}

function hopsOf(time: number): number[] {
  const latest = floorTo(time, HOP.slideMs)
  const starts = []
  for (let start = latest; start + HOP.sizeMs > time; start -= HOP.slideMs) starts.push(start)
  return starts
}

function groupBySensor(readings: readonly Reading[]): Map<string, Reading[]> {
  const groups = new Map<string, Reading[]>()
  for (const reading of readings) groups.set(reading.sensor, [...(groups.get(reading.sensor) ?? []), reading])
  return groups
}

const isForgotten = (end: number, watermark: number) => end + LATENESS_MS <= watermark
const floorTo = (time: number, ms: number) => Math.floor(time / ms) * ms

export function paneName(key: string, start: number, end: number): string {
  return `${key} ${start} ${end}`
}
