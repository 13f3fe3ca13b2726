import { COMMANDS_TOPIC, type LogEntry } from '../bus/index.ts'
import type { SharedReads } from './shared-reads.ts'

/** How often commands are looked for: their senders wait. */
const EVERY_MS = 10

/** A partition whose owner is busy with something else than its commands. */
export interface CommandSeeker {
  readonly partition: number
  /** What lies behind it was not read yet. */
  cursor(): string
  /** Whether it takes more than it has. */
  hasRoom(): boolean
  /** Takes what was found behind the cursor, some of which it may have by now. */
  found(entries: readonly LogEntry[]): void
}

/**
 * Looks for the commands of all partitions of a process that have something else to do, every 10 ms and by one call: a look by each
 * of them takes a tenth of the process.
 */
export class CommandPolls {
  readonly #reads: Pick<SharedReads, 'after'>
  readonly #seekers = new Set<CommandSeeker>()
  #timer: NodeJS.Timeout | undefined
  /** Under way. */
  #look: Promise<void> | undefined

  constructor(reads: Pick<SharedReads, 'after'>) {
    this.#reads = reads
  }

  /** Looks for its commands from now on. Idempotent. */
  join(seeker: CommandSeeker): void {
    this.#seekers.add(seeker)
    this.#timer ??= setInterval(() => {
      this.#look ??= this.#lookNow().finally(() => {
        this.#look = undefined
      })
    }, EVERY_MS)
  }

  /** From now on it gets nothing. Idempotent. */
  leave(seeker: CommandSeeker): void {
    this.#seekers.delete(seeker)
    if (this.#seekers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #lookNow(): Promise<void> {
    await Promise.all([...this.#seekers].filter((seeker) => seeker.hasRoom()).map((seeker) => this.#lookFor(seeker)))
  }

  async #lookFor(seeker: CommandSeeker): Promise<void> {
    const cursors = new Map([[COMMANDS_TOPIC, seeker.cursor()]])
    // What cannot be read is looked for again.
    const entries = await this.#reads.after(seeker.partition, cursors).catch(() => [])
    if (entries.length > 0 && this.#seekers.has(seeker)) seeker.found(entries)
  }
}
