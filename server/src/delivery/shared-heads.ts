import { type LogHeads, type Redis, readLogHeads } from '../bus/index.ts'
import type { Clock } from '../clock.ts'

/** What was trimmed since is met by the replay itself; who comes within this time need not ask again. */
const FRESH_MS = 100

/** Where logs stand, asked of Redis once for all who begin at about the same moment. */
export class SharedHeads {
  readonly #redis: Redis
  readonly #clock: Clock
  readonly #asked = new Map<string, { readonly at: number; readonly heads: Promise<LogHeads> }>()

  constructor(redis: Redis, clock: Clock) {
    this.#redis = redis
    this.#clock = clock
  }

  /** Heads as of the last moments. @throws what Redis throws */
  read(partition: number, topics: readonly string[]): Promise<LogHeads> {
    const now = this.#clock.monotonic()
    const name = nameOf(partition, topics)
    const asked = this.#asked.get(name)
    if (asked !== undefined && now - asked.at <= FRESH_MS) return asked.heads
    this.#forgetBefore(now - FRESH_MS)
    const heads = readLogHeads(this.#redis, partition, topics)
    this.#asked.set(name, { at: now, heads })
    return heads
  }

  /** Heads as of now, for everybody who comes within the next moments as well. @throws what Redis throws */
  readNow(partition: number, topics: readonly string[]): Promise<LogHeads> {
    this.#asked.delete(nameOf(partition, topics))
    return this.read(partition, topics)
  }

  #forgetBefore(time: number): void {
    for (const [name, { at }] of this.#asked) if (at < time) this.#asked.delete(name)
  }
}

function nameOf(partition: number, topics: readonly string[]): string {
  return `${partition} ${topics.join(' ')}`
}
