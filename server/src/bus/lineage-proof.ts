import type { Redis } from './connection.ts'
import { type KnownEntry, type Lineage, settleLineage } from './lineage.ts'

/**
 * Under which identity of Redis this process has last seen a partition to be the log it knows. Each process proves that by
 * itself, whoever else did: another one may not know the entry that is missing.
 */
export class LineageProof {
  readonly #redis: Redis
  readonly #partition: number
  #lineage = ''
  #epoch: string | undefined

  constructor(redis: Redis, partition: number) {
    this.#redis = redis
    this.#partition = partition
  }

  /** The identity, '' before there was any. */
  get lineage(): string {
    return this.#lineage
  }

  get epoch(): string | undefined {
    return this.#epoch
  }

  /** A call was accepted. @returns whether the epoch is another one than before */
  accepted(epoch: string, lineage: string): boolean {
    const isNew = this.#epoch !== undefined && this.#epoch !== epoch
    this.#epoch = epoch
    this.#lineage = lineage
    return isNew
  }

  /** A call was refused because the identity is not the proved one: proves it, so that the call can be made again. */
  async settle(seen: Lineage, known: readonly KnownEntry[]): Promise<void> {
    const isDeclared = this.#epoch !== undefined && seen.epoch !== '' && seen.epoch !== this.#epoch
    // Under a new epoch nothing of the old one has to be there.
    const epoch = await settleLineage(this.#redis, this.#partition, seen, isDeclared ? [] : known)
    if (epoch !== undefined) this.#lineage = seen.current
  }
}
