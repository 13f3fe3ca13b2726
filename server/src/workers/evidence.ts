import { compareStreamIds } from '@tidegate/protocol'
import type { CommitOperation, KnownEntry } from '../bus/index.ts'

/**
 * The newest entry of each log of a partition that its owner has read or written: what must still be there for a Redis
 * that changed its identity to hold the same data. Outlives a reload, which forgets what was read ahead.
 */
export class Evidence {
  readonly #newest = new Map<string, string>()

  saw(topic: string, streamId: string): void {
    const known = this.#newest.get(topic)
    if (known === undefined || compareStreamIds(known, streamId) < 0) this.#newest.set(topic, streamId)
  }

  /** @param ids of the batches that the commit's `append` operations stored, in their order. */
  committed(operations: readonly CommitOperation[], ids: readonly string[]): void {
    const topics = operations.flatMap((operation) => (operation.op === 'append' ? [operation.topic] : []))
    topics.forEach((topic, i) => {
      this.saw(topic, ids[i]!)
    })
  }

  /** Forgets everything: a new identity was accepted, and what was known of the old one proves nothing about it. */
  clear(): void {
    this.#newest.clear()
  }

  entries(): KnownEntry[] {
    return [...this.#newest].map(([topic, streamId]) => ({ topic, streamId }))
  }
}
