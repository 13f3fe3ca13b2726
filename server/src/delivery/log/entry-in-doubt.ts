import { compareStreamIds } from '@tidegate/protocol'
import { type KnownEntry, type LogHeads, type Mark, namesEntry } from '../../bus/index.ts'

/**
 * The entry that a mark names, if it may be gone: Redis may have lost it when it changed its identity. Of the present epoch
 * that may be so although nobody has noticed, when nobody who knew it looked.
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
