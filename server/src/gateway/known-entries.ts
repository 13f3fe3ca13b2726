import { type AckedPosition, parsePosition } from '@tidegate/protocol'
import { isStreamId, type KnownEntry } from '../bus/index.ts'

/** The entries that acknowledged positions prove to have been stored, by partition. */
export function knownEntries(acked: readonly AckedPosition[]): ReadonlyMap<number, readonly KnownEntry[]> {
  const byPartition = new Map<number, KnownEntry[]>()
  for (const { topic, at } of acked) {
    const { partition, epoch, streamId } = parsePosition(at)!
    if (!isStreamId(streamId)) continue
    const known = byPartition.get(partition)
    if (known === undefined) byPartition.set(partition, [{ topic, epoch, streamId }])
    else known.push({ topic, epoch, streamId })
  }
  return byPartition
}
