import { isOfLostEpoch, type KnownEntry, type Lineage } from './lineage.ts'
import type { Log } from './log.ts'

/** Limit of remembered entries: thousands of clients that come back together know mostly the same ones. */
const MAX_FOUND = 4_096

/**
 * The identity of Redis under which this process last proved that a partition's log is the one it knows. Each process
 * proves it for itself: another one may not know the entry that is missing.
 */
export class LineageProof {
  readonly #log: Log
  #lineage = ''
  #epoch: string | undefined
  /** Entries found under the proved identity. */
  readonly #found = new Set<string>()
  #foundUnder = ''

  constructor(log: Log) {
    this.#log = log
  }

  /** The proved identity, '' before the first proof. */
  get lineage(): string {
    return this.#lineage
  }

  get epoch(): string | undefined {
    return this.#epoch
  }

  /** Records an accepted call. @returns whether the epoch changed */
  accepted(epoch: string, lineage: string): boolean {
    const isNew = this.#epoch !== undefined && this.#epoch !== epoch
    this.#epoch = epoch
    this.#lineage = lineage
    return isNew
  }

  /** Proves the identity after a call was refused for an unproved one, so that the call can be repeated. */
  async settle(seen: Lineage, known: readonly KnownEntry[]): Promise<void> {
    if ((await this.#log.settle(seen, known, await this.#hasGoneBack(seen))) === undefined) return
    this.#lineage = seen.current
  }

  /**
   * Looks up entries that clients know. A missing one means a new epoch, whoever accepted the identity before, and so does one of
   * an epoch that the log does not know.
   *
   * @returns false if it has to be repeated
   */
  async examine(known: readonly KnownEntry[]): Promise<boolean> {
    const seen = await this.#log.lineage()
    if (seen.current !== this.#foundUnder) this.#found.clear()
    this.#foundUnder = seen.current
    // So that a later change of identity is noticed, even by a process that has not stored anything yet.
    this.#epoch ??= seen.epoch
    // One identity loses nothing: an entry of an epoch that began under it is there, or never existed.
    if (seen.begun === seen.current && seen.stored === seen.current) return true
    const unknown = this.#notFound(known).filter((entry) => entry.epoch === seen.epoch)
    const isLost = known.some((entry) => isOfLostEpoch(entry, seen.epochs))
    const epoch = await this.#log.settle(seen, unknown, isLost || (await this.#hasGoneBack(seen)))
    if (epoch === seen.epoch) this.#remember(unknown)
    return epoch !== undefined
  }

  /** The entries, of any epoch, that are gone. Those just examined are not looked up again. */
  missing(known: readonly KnownEntry[]): Promise<readonly KnownEntry[]> {
    return this.#log.missing(this.#notFound(known))
  }

  /**
   * Whether Redis has lost the epoch that was proved here last, with the change to it. The log is then under an earlier
   * one, of which nothing need be missing. One that began under the present identity was set by another process instead.
   */
  async #hasGoneBack(seen: Lineage): Promise<boolean> {
    if (this.#epoch === undefined || this.#epoch === seen.epoch) return false
    const { begun, current } = await this.#log.lineage()
    return begun !== current
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
