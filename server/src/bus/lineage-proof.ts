import type { KnownEntry, Lineage } from './lineage.ts'
import type { Log } from './log.ts'

/** Entries found present that are remembered: thousands who come back together know much the same ones. */
const MAX_FOUND = 4_096

/**
 * Under which identity of Redis this process has last seen a partition to be the log it knows. Each process proves that by
 * itself, whoever else did: another one may not know the entry that is missing.
 */
export class LineageProof {
  readonly #log: Log
  #lineage = ''
  #epoch: string | undefined
  /** Entries found present, and under which identity. */
  readonly #found = new Set<string>()
  #foundUnder = ''

  constructor(log: Log) {
    this.#log = log
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
    if ((await this.#log.settle(seen, known)) === undefined) return
    this.#lineage = seen.current
  }

  /**
   * Looks up entries that clients know: one that is missing means a new epoch, whoever has accepted the identity before.
   *
   * @returns false when it has to be looked at again
   */
  async examine(known: readonly KnownEntry[]): Promise<boolean> {
    const seen = await this.#log.lineage()
    if (seen.current !== this.#foundUnder) this.#found.clear()
    this.#foundUnder = seen.current
    // So that a change of it is noticed, also by a process that has not stored anything yet.
    this.#epoch ??= seen.epoch
    // Nothing is lost under one identity: an entry of an epoch that began under it is there, or has never been.
    if (seen.begun === seen.current && seen.stored === seen.current) return true
    const unknown = this.#notFound(known).filter((entry) => entry.epoch === seen.epoch)
    const epoch = await this.#log.settle(seen, unknown)
    if (epoch === seen.epoch) this.#remember(unknown)
    return epoch !== undefined
  }

  /** Those of some entries, of any epoch, that are gone. What was just examined is not looked up again. */
  missing(known: readonly KnownEntry[]): Promise<readonly KnownEntry[]> {
    return this.#log.missing(this.#notFound(known))
  }

  #notFound(entries: readonly KnownEntry[]): KnownEntry[] {
    return entries.filter((entry) => !this.#found.has(nameOf(entry)))
  }

  #remember(entries: readonly KnownEntry[]): void {
    if (this.#found.size + entries.length > MAX_FOUND) this.#found.clear()
    for (const entry of entries) this.#found.add(nameOf(entry))
  }
}

function nameOf({ topic, epoch, streamId }: KnownEntry): string {
  return `${topic} ${epoch} ${streamId}`
}
