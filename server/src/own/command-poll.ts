import type { LogEntry } from '../bus/index.ts'

/** How often commands are looked for: their senders wait. */
const EVERY_MS = 10

/** Looks for the commands of one partition while events are folded, one look at a time. */
export class CommandPoll {
  readonly #read: () => Promise<readonly LogEntry[]>
  readonly #onFound: () => void
  /** Under way, or has found some. */
  #look: { readonly entries: Promise<readonly LogEntry[]>; hasFound: boolean } | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(read: () => Promise<readonly LogEntry[]>, onFound: () => void) {
    this.#read = read
    this.#onFound = onFound
  }

  get hasFound(): boolean {
    return this.#look?.hasFound === true
  }

  /** Begins a look when it is time for one. What Redis does not answer is found by a later read. */
  lookWhenDue(): void {
    const now = performance.now()
    if (this.#look !== undefined || now - this.#lookedAt < EVERY_MS) return
    this.#lookedAt = now
    const look = { entries: this.#read().catch(() => []), hasFound: false }
    look.entries.then((entries) => {
      look.hasFound = entries.length > 0
      if (this.#look !== look) return
      if (look.hasFound) this.#onFound()
      else this.#look = undefined
    })
    this.#look = look
  }

  /** What the last look has found or will find. */
  async take(): Promise<readonly LogEntry[]> {
    const entries = (await this.#look?.entries) ?? []
    this.#look = undefined
    return entries
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
  async during(poll: CommandPoll | undefined, body: () => Promise<void>): Promise<void> {
    if (poll === undefined) return body()
    this.#active.add(poll)
    try {
      await body()
    } finally {
      this.#active.delete(poll)
    }
  }
}
