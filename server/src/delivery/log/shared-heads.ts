import type { Bus, LogHeads } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'

/** What was trimmed since is met by the replay itself; who comes within this time need not ask again. */
const FRESH_MS = 100

/** Where logs stand, asked of Redis once for all who begin at about the same moment. */
export class SharedHeads {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #asked = new Map<string, { readonly at: number; readonly heads: Promise<LogHeads> }>()

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus
    this.#clock = clock
  }

  /** Heads as of the last moments. @throws BusUnavailable */
  read(partition: number, topics: readonly string[]): Promise<LogHeads> {
    const now = this.#clock.monotonic()
    const name = nameOf(partition, topics)
    const asked = this.#asked.get(name)
    if (asked !== undefined && now - asked.at <= FRESH_MS) return asked.heads
    this.#forgetBefore(now - FRESH_MS)
    const heads = this.#bus.log(partition, 'replay').heads(topics)
    this.#asked.set(name, { at: now, heads })
    return heads
  }

  /** Heads as of now, for everybody who comes within the next moments as well. @throws BusUnavailable */
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
