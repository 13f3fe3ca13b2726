import type { LogEntry } from '../bus/index.ts'

/** How often commands are looked for: their senders wait. */
const EVERY_MS = 10

/** Looks for commands while events are folded, one look at a time. */
export class CommandPoll {
  readonly #read: () => Promise<readonly LogEntry[]>
  /** Under way, or has found some. */
  #look: { readonly entries: Promise<readonly LogEntry[]>; hasFound: boolean } | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(read: () => Promise<readonly LogEntry[]>) {
    this.#read = read
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
      if (!look.hasFound && this.#look === look) this.#look = undefined
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
