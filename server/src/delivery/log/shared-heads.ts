import type { Bus, LogHeads } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'

/** How long heads are shared: the replay itself notices what is trimmed meanwhile. */
const FRESH_MS = 100

/** Heads of logs, read from Redis once for all replays that begin at about the same moment. */
export class SharedHeads {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #asked = new Map<string, { readonly at: number; readonly heads: Promise<LogHeads> }>()

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus
    this.#clock = clock
  }

  /** Heads that may be a moment old. @throws BusUnavailable */
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

  /** Present heads, shared with everybody who asks in the next moments. @throws BusUnavailable */
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
