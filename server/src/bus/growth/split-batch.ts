import { BatchReader } from '../batch/batch-reader.ts'
import { type EndOfInput, RecordBatchBuilder, type StoredEvent } from '../batch/record-batch.ts'
import type { LogEntry } from '../log/log-entry.ts'

/** The fields of an entry that hold its events. */
export type BatchFields = Pick<LogEntry, 'header' | 'payload' | 'refused'>

/**
 * Divides a record batch by the partitions of its keys. Each event keeps its index: the places of others hold events that
 * are masked like those of refused slices, so every position that somebody knows names the same event. Ends of input go to
 * every partition.
 *
 * @param children all that the events may belong to
 * @returns what each partition gets; nothing for one without events
 * @throws CorruptBatch
 */
export function splitBatch(
  batch: BatchFields,
  children: readonly number[],
  childOf: (key: string) => number,
): ReadonlyMap<number, BatchFields> {
  const reader = new BatchReader(batch)
  const { keys } = reader.header
  const owners = keys.map((key, index) => (reader.refused.has(index) ? undefined : childOf(key)))
  const ends = endsByEvent(reader)
  const involved = ends.size > 0 ? children : children.filter((child) => owners.includes(child))
  if (ends.size === 0 && involved.length === 1) return new Map([[involved[0]!, batch]])
  return new Map(involved.map((child) => [child, partOf(reader, owners, ends, child)]))
}

/** Accepted ends by the number of events before them. */
function endsByEvent(reader: BatchReader): ReadonlyMap<number, readonly EndOfInput[]> {
  const byEvent = new Map<number, EndOfInput[]>()
  const accepted = [...reader.header.keys.keys()].filter((index) => !reader.refused.has(index))
  for (const { after, ...end } of reader.acceptedEnds()) {
    const at = after === 0 ? 0 : accepted[after - 1]! + 1
    byEvent.set(at, [...(byEvent.get(at) ?? []), end])
  }
  return byEvent
}

function partOf(
  reader: BatchReader,
  owners: readonly (number | undefined)[],
  ends: ReadonlyMap<number, readonly EndOfInput[]>,
  child: number,
): BatchFields {
  const { keys, lanes, times } = reader.header
  const sampled = new Set(reader.header.sampled)
  const first = owners.indexOf(child)
  const count = Math.max(owners.lastIndexOf(child) + 1, ...ends.keys())
  // The lane of the first own event: if all are alike, one letter stands for them.
  const filler = (index: number): StoredEvent => ({
    ...{ key: '', lane: lanes[Math.max(0, first)] ?? 'normal', time: times[index]!, json: '{}' },
  })
  const builder = new RecordBatchBuilder()
  const masked: number[] = []
  let slices = 0
  const addSlice = (events: readonly StoredEvent[], end?: EndOfInput) => {
    builder.addSlice(events, end)
    slices++
  }
  for (let from = 0; from <= count; ) {
    for (const end of ends.get(from) ?? []) addSlice([], end)
    if (from === count) break
    const isOwn = owners[from] === child
    const events: StoredEvent[] = []
    let to = from
    do {
      const own = () => ({ key: keys[to]!, lane: lanes[to]!, time: times[to]!, json: reader.jsonOf(to) })
      events.push(isOwn ? { ...own(), isSampled: sampled.has(to) } : filler(to))
      to++
    } while (to < count && (owners[to] === child) === isOwn && !ends.has(to))
    if (!isOwn) masked.push(slices)
    addSlice(events)
    from = to
  }
  return { ...builder.build(), refused: masked.length === 0 ? undefined : masked.join() }
}
