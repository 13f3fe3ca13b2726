import { type Bus, COMMANDS_TOPIC, type LogEntry, type LogRead } from '../bus/index.ts'

/** How often commands are looked for: their senders wait. */
const EVERY_MS = 10
/** Record batches of one look and partition. */
const READ_COUNT = 64

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
  readonly #bus: Pick<Bus, 'after' | 'log'>
  readonly #seekers = new Set<CommandSeeker>()
  #timer: NodeJS.Timeout | undefined
  /** Under way. */
  #look: Promise<void> | undefined

  constructor(bus: Pick<Bus, 'after' | 'log'>) {
    this.#bus = bus
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
    const asked = [...this.#seekers].filter((seeker) => seeker.hasRoom())
    if (asked.length === 0) return
    const reads = asked.map((seeker) => ({
      partition: seeker.partition,
      cursors: new Map([[COMMANDS_TOPIC, seeker.cursor()]]),
    }))
    for (const [i, entries] of (await this.#read(reads)).entries()) {
      const seeker = asked[i]!
      if (entries.length > 0 && this.#seekers.has(seeker)) seeker.found(entries)
    }
  }

  /** Where they cannot be read together, each by itself: one that cannot be read hides no other. */
  #read(reads: readonly LogRead[]): Promise<readonly (readonly LogEntry[])[]> {
    const alone = ({ partition, cursors }: LogRead) =>
      this.#bus
        .log(partition, 'tail')
        .after(cursors, READ_COUNT)
        .catch(() => [])
    return this.#bus.after(reads, 'tail', READ_COUNT).catch(() => Promise.all(reads.map(alone)))
  }
}
