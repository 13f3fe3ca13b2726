import type { LogEntry } from '../bus/index.ts'

/** How often commands are looked for: their senders wait. */
const EVERY_MS = 10

/** Looks for the commands of one partition while events are folded, one look at a time and none behind one that has found some. */
export class CommandPoll {
  readonly #read: () => Promise<readonly LogEntry[]>
  readonly #onFound: (entries: readonly LogEntry[]) => void
  /** Under way, or has found some. */
  #look: Promise<void> | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  /** @param onFound takes them. Called before `settled` resolves. */
  constructor(read: () => Promise<readonly LogEntry[]>, onFound: (entries: readonly LogEntry[]) => void) {
    this.#read = read
    this.#onFound = onFound
  }

  /** Begins a look when it is time for one. What Redis does not answer is found by a later read. */
  lookWhenDue(): void {
    const now = performance.now()
    if (this.#look !== undefined || now - this.#lookedAt < EVERY_MS) return
    this.#lookedAt = now
    this.#look = this.#lookNow()
  }

  /** Resolves when no look is under way; the next one may begin. */
  async settled(): Promise<void> {
    await this.#look
    this.#look = undefined
  }

  async #lookNow(): Promise<void> {
    const entries = await this.#read().catch(() => [])
    if (entries.length > 0) this.#onFound(entries)
    else this.#look = undefined
  }
}

/** Of the partitions of a process that have events to fold and none of whose commands wait. */
export class CommandPolls {
  readonly #active = new Set<CommandPoll>()

  /** Whoever folds looks for the commands of all: a partition that waits for its turn cannot. */
  lookWhenDue(): void {
    for (const poll of this.#active) poll.lookWhenDue()
  }

  /** Looks for these commands, too, until `body` has ended. */
  async during<Result>(poll: CommandPoll | undefined, body: () => Promise<Result>): Promise<Result> {
    if (poll === undefined) return body()
    this.#active.add(poll)
    try {
      return await body()
    } finally {
      this.#active.delete(poll)
    }
  }
}
