import { compareStreamIds } from '@tidegate/protocol'
import { type CommitRequest, isDeadLetterTopic, type KnownEntry } from '../bus/index.ts'

/**
 * The newest entry of each log of a partition that its owner has read or written: all of them must still exist if a
 * Redis that changed its identity is to hold the same data. Outlives a reload, which drops entries read in advance.
 */
export class Evidence {
  readonly #newest = new Map<string, KnownEntry>()

  saw(entry: KnownEntry): void {
    const known = this.#newest.get(entry.topic)
    const isNewer = known?.epoch !== entry.epoch || compareStreamIds(known.streamId, entry.streamId) < 0
    if (isNewer) this.#newest.set(entry.topic, entry)
  }

  /** @param ids of the batches that the commit's `append` operations stored, in their order. */
  committed({ log: { epoch }, operations }: CommitRequest, ids: readonly string[]): void {
    const topics = operations.flatMap((operation) => (operation.op === 'append' ? [operation.topic] : []))
    topics.forEach((topic, i) => {
      // Redriven dead letters are removed one by one: a missing one proves nothing.
      if (!isDeadLetterTopic(topic)) this.saw({ topic, epoch, streamId: ids[i]! })
    })
  }

  entries(): KnownEntry[] {
    return [...this.#newest.values()]
  }
}
