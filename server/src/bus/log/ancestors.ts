import { compareStreamIds } from '@tidegate/protocol'
import { LOG_START } from './log-entry.ts'
import { type Mark, namesEntry } from './mark.ts'

/** A partition that was divided, as each that came of it remembers it. */
export interface Ancestor {
  readonly partition: number
  /** Its epoch at the time. */
  readonly epoch: string
  /** The epoch with which the one that came of it began. */
  readonly became: string
  /** Topic -> id with which its log ended. */
  readonly ends: Readonly<Record<string, string>>
}

/** @param text as stored, `null` for none */
export function decodeAncestors(text: string | null): readonly Ancestor[] {
  return text === null ? NONE : (JSON.parse(text) as Ancestor[])
}

const NONE: readonly Ancestor[] = []

/** Whether an entry lay in the log when the partition was made. It may be with another partition since. */
export function isInherited(ancestors: readonly Ancestor[], topic: string, streamId: string): boolean {
  const end = ancestors.at(-1)?.ends[topic]
  return end !== undefined && compareStreamIds(streamId, end) <= 0
}

/**
 * The marks of a topic for every partition, where they may be of a time with fewer: a mark in a partition that was divided
 * stands for the same place in each that came of it. A mark behind the end that the log had then names something that was lost,
 * and stays as it is.
 *
 * @param ancestors by partition, oldest first
 */
export function inheritedMarks(
  marks: ReadonlyMap<number, Mark>,
  topic: string,
  ancestors: readonly (readonly Ancestor[])[],
): ReadonlyMap<number, Mark> {
  if (marks.size === 0 || ancestors.every(({ length }) => length === 0)) return marks
  const all = new Map(marks)
  for (const [partition, line] of ancestors.entries()) {
    const mark = inherited(marks, partition, topic, line)
    if (mark !== undefined) all.set(partition, mark)
  }
  return all
}

function inherited(
  marks: ReadonlyMap<number, Mark>,
  partition: number,
  topic: string,
  line: readonly Ancestor[],
): Mark | undefined {
  const isBefore = ({ ends }: Ancestor, mark: Mark) =>
    !namesEntry(mark) || compareStreamIds(mark.streamId, ends[topic] ?? LOG_START) <= 0
  // Of the nearest one that the client knew. One that it knows under a later epoch was divided before.
  const known = line.findLast((ancestor) => {
    const mark = marks.get(ancestor.partition)
    return mark !== undefined && (mark.epoch === ancestor.epoch || isBefore(ancestor, mark))
  })
  let mark = marks.get(partition) ?? (known && marks.get(known.partition))
  for (const ancestor of line) {
    if (mark?.epoch === ancestor.epoch && isBefore(ancestor, mark)) mark = { ...mark, epoch: ancestor.became }
  }
  return mark
}
