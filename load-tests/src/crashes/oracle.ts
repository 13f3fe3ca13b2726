import { type ExpectedPane, paneId, type Total, totalOf, windowName } from './expected-pane.ts'
import type { Reading } from './reading.ts'
import { SessionOracle } from './session-oracle.ts'
import { WindowOracle } from './window-oracle.ts'

export interface Expected {
  /** Every result of a topic, of all of its revisions. */
  readonly sequences: Readonly<Record<string, readonly ExpectedPane[]>>
  /**
   * Value of each window's last pane: `key start end` -> value. Of topics whose earlier panes depend on the clock or on
   * which partition reports first.
   */
  readonly last: Readonly<Record<string, ReadonlyMap<string, Total>>>
  /** Ids of events, by topic. */
  readonly ids: Readonly<Record<string, ReadonlySet<string>>>
}

const TUMBLING = { sizeMs: 10_000, slideMs: 10_000 }
const HOPPING = { sizeMs: 20_000, slideMs: 5_000 }
const OUT_OF_ORDERNESS_MS = 1_000

/**
 * What must come out, computed from nothing but the log, the slow and obvious way: each partition's record batches in
 * order, the watermark moving after each one, and everything due put out before the next.
 *
 * @param logs per partition its batches.
 */
export function recompute(logs: readonly (readonly (readonly Reading[])[])[]): Expected {
  const tumbling: ExpectedPane[] = []
  const hopping: ExpectedPane[] = []
  const sessions: ExpectedPane[] = []
  const late = new Set<string>()
  const lateForHops = new Set<string>()
  for (const batches of logs) {
    const tumble = new WindowOracle(TUMBLING)
    const hop = new WindowOracle(HOPPING)
    const session = new SessionOracle()
    let watermark = Number.NEGATIVE_INFINITY
    for (const batch of batches) {
      for (const reading of batch) {
        if (!tumble.add(reading)) late.add(reading.id)
        if (!hop.add(reading)) lateForHops.add(reading.id)
        session.add(reading)
      }
      watermark = Math.max(watermark, ...batch.map(({ time }) => time - OUT_OF_ORDERNESS_MS))
      tumbling.push(...tumble.advance(watermark))
      hopping.push(...hop.advance(watermark))
      sessions.push(...session.advance(watermark))
    }
    tumbling.push(...tumble.advance(Number.POSITIVE_INFINITY))
    hopping.push(...hop.advance(Number.POSITIVE_INFINITY))
    sessions.push(...session.advance(Number.POSITIVE_INFINITY))
  }
  const readings = logs.flat(2)
  const ids = (of: readonly { id: string }[]) => new Set(of.map(({ id }) => id))
  const isAlarming = ({ pane }: ExpectedPane) => pane !== undefined && pane.value.max > 9
  return {
    sequences: { 'crash.tumbling': tumbling, 'crash.hopping': hopping, 'crash.sessions': sessions },
    last: {
      'crash.early': lastOf(tumbling),
      'crash.all': totals(readings, () => '*'),
      'crash.site': totals(readings, ({ site }) => site),
    },
    ids: {
      'crash.tumbling.late': late,
      'crash.early.late': late,
      'crash.hopping.late': lateForHops,
      'crash.sessions.late': new Set(),
      'crash.all.late': new Set(),
      'crash.site.late': new Set(),
      'crash.hot': ids(readings.filter(({ v }) => v > 8)),
      'crash.alert': ids(tumbling.filter(isAlarming).map((pane) => ({ id: paneId('crash.tumbling', pane) }))),
    },
  }
}

function lastOf(sequence: readonly ExpectedPane[]): Map<string, Total> {
  const last = new Map<string, Total>()
  for (const each of sequence) if (each.pane !== undefined) last.set(windowName(each), each.pane.value)
  return last
}

/** Tumbling windows for which nothing is late. */
function totals(readings: readonly Reading[], groupOf: (reading: Reading) => string): Map<string, Total> {
  const groups = new Map<string, Reading[]>()
  for (const reading of readings) {
    const start = Math.floor(reading.time / TUMBLING.sizeMs) * TUMBLING.sizeMs
    const name = windowName({ key: groupOf(reading), start, end: start + TUMBLING.sizeMs })
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [reading])
    else group.push(reading)
  }
  return new Map([...groups].map(([name, group]) => [name, totalOf(group)]))
}
