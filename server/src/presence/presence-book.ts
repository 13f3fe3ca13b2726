import type { Caller } from '../access/index.ts'
import type { PresenceTopic } from '../config/contract/model.ts'
import { Attendance } from './attendance.ts'
import type { Share } from './share.ts'

/** One connection among those that are present. */
export interface PresenceSeat {
  /** One of its subscriptions covers these topics, and says this of whoever is connected, as JSON. */
  subscribed(sub: number, topics: readonly string[], state: string | undefined): void
  unsubscribed(sub: number): void
}

/** A share, by presence topic and key. */
export type OnShare = (topic: string, key: string) => void

/** Who is connected to a gateway and subscribed to topics with presence. */
export class PresenceBook {
  /** By the topic that somebody is subscribed to. */
  readonly #byTopic: ReadonlyMap<string, Attendance>
  /** By the presence topic. */
  readonly #attendances: ReadonlyMap<string, Attendance>
  readonly #gateway: string
  readonly #now: () => number
  #anonymous = 0

  /** @param gateway unique to this start of the process @param now ms since 1970 @param onChange gets each share that changes */
  constructor(gateway: string, topics: readonly PresenceTopic[], now: () => number, onChange: OnShare) {
    this.#gateway = gateway
    this.#now = now
    const opened = topics.map(
      ({ name, of, maxEntries }) => [of, name, new Attendance(maxEntries, (key) => onChange(name, key))] as const,
    )
    this.#byTopic = new Map(opened.map(([of, , attendance]) => [of, attendance]))
    this.#attendances = new Map(opened.map(([, name, attendance]) => [name, attendance]))
  }

  /** A seat for a connection of this caller. The connection gives it up by ending its subscriptions. */
  open({ identity, subject }: Pick<Caller, 'identity' | 'subject'>): PresenceSeat {
    const { kind } = identity
    // Nobody knows whether two of them are the same.
    const key = kind === 'anonymous' ? `anonymous:${this.#gateway}-${(this.#anonymous++).toString(36)}` : subject
    return new Seat(key, this.#byTopic, this.#now)
  }

  share(topic: string, key: string): Share | undefined {
    return this.#attendances.get(topic)?.share(key)
  }

  /** Presence topic -> connections here. */
  *connections(): Iterable<readonly [topic: string, connections: number]> {
    for (const [topic, attendance] of this.#attendances) yield [topic, attendance.connections]
  }

  /** All shares. */
  *shares(): Iterable<readonly [topic: string, key: string]> {
    for (const [topic, attendance] of this.#attendances) for (const key of attendance.keys()) yield [topic, key]
  }
}

class Seat implements PresenceSeat {
  readonly #key: string
  readonly #attendances: ReadonlyMap<string, Attendance>
  readonly #now: () => number
  /** Topic -> subscriptions that cover it, and what they say; those that spoke last come last. */
  readonly #covered = new Map<string, Map<number, string | undefined>>()

  constructor(key: string, attendances: ReadonlyMap<string, Attendance>, now: () => number) {
    this.#key = key
    this.#attendances = attendances
    this.#now = now
  }

  subscribed(sub: number, topics: readonly string[], state: string | undefined): void {
    for (const topic of topics) {
      const attendance = this.#attendances.get(topic)
      if (attendance === undefined) continue
      const subs = this.#covered.get(topic) ?? new Map<number, string | undefined>()
      this.#covered.set(topic, subs)
      if (subs.get(sub) !== state) subs.delete(sub)
      subs.set(sub, state)
      attendance.join(this.#key, this, newest(subs), this.#now())
    }
  }

  unsubscribed(sub: number): void {
    for (const [topic, subs] of this.#covered) {
      if (!subs.delete(sub)) continue
      const attendance = this.#attendances.get(topic)!
      if (subs.size > 0) attendance.join(this.#key, this, newest(subs), this.#now())
      else {
        this.#covered.delete(topic)
        attendance.leave(this.#key, this, this.#now())
      }
    }
  }
}

function newest(subs: ReadonlyMap<number, string | undefined>): string | undefined {
  let state: string | undefined
  for (const said of subs.values()) state = said ?? state
  return state
}
