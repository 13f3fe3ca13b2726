import { type AckedPosition, parsePosition } from '@tidegate/protocol'
import type { Rights } from '../access/index.ts'
import { ANSWERS_TOPIC, isStreamId, type KnownEntry } from '../bus/index.ts'

/** The entries that acknowledged positions prove to have been stored, by partition: those that this client can have been told of. */
export function knownEntries(
  acked: readonly AckedPosition[],
  rights: Rights,
): ReadonlyMap<number, readonly KnownEntry[]> {
  const byPartition = new Map<number, KnownEntry[]>()
  for (const { topic, at } of acked) {
    const isItsOwn = topic === ANSWERS_TOPIC ? rights.has('command') : rights.covers('publish', topic)
    if (!isItsOwn) continue
    const { partition, epoch, streamId } = parsePosition(at)!
    if (!isStreamId(streamId)) continue
    const known = byPartition.get(partition)
    if (known === undefined) byPartition.set(partition, [{ topic, epoch, streamId }])
    else known.push({ topic, epoch, streamId })
  }
  return byPartition
}
