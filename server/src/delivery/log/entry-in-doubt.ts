import { compareStreamIds } from '@tidegate/protocol'
import { type KnownEntry, type LogHeads, type Mark, namesEntry } from '../../bus/index.ts'

/**
 * The entry that a mark names, if it may be gone. Redis may have lost it when it changed its identity. Even an entry of
 * the present epoch may be gone unnoticed, if no process that knew it has looked.
 */
export function entryInDoubt(mark: Mark, topic: string, heads: LogHeads): KnownEntry[] {
  if (!namesEntry(mark)) return []
  const { lastId, trimmedTo } = heads.topics.get(topic)!
  const { epoch, streamId } = mark
  if (epoch === heads.epoch) {
    if (heads.isUnbroken && compareStreamIds(streamId, lastId) <= 0) return []
    if (streamId === lastId) return []
  }
  return compareStreamIds(streamId, trimmedTo) <= 0 ? [] : [{ topic, epoch, streamId }]
}
