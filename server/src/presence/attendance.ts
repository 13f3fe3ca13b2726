import { LIMITS } from '@tidegate/protocol'
import { exceeds } from '../exceeds.ts'
import { MORE_KEY, type SaidState, type Share } from './share.ts'

/** Something that is connected once. Compared as an object. */
export type Attendee = object

interface Subject {
  readonly joinedAt: number
  /** In the order in which they came or last said something: the last state is the newest. */
  readonly connections: Map<Attendee, SaidState | undefined>
}

/**
 * Who is connected here and subscribed to one topic. The first `maxEntries` subjects are listed; the connections of others
 * are counted under one key, and these are listed when others leave.
 */
export class Attendance {
  readonly #maxEntries: number
  readonly #onChange: (key: string) => void
  readonly #subjects = new Map<string, Subject>()
  readonly #listed = new Set<string>()
  /** In the order in which they came. */
  readonly #waiting = new Set<string>()
  /** When the first came that is not listed. */
  #moreSince = 0
  #moreConnections = 0
  #connections = 0

  /** @param onChange gets the key of each share that has changed */
  constructor(maxEntries: number, onChange: (key: string) => void) {
    this.#maxEntries = maxEntries
    this.#onChange = onChange
  }

  /** All that are counted. */
  get connections(): number {
    return this.#connections
  }

  /** Counts a connection, once, and takes what it says of itself. */
  join(key: string, attendee: Attendee, state: string | undefined, now: number): void {
    const known = this.#subjects.get(key)
    const subject = known ?? { joinedAt: now, connections: new Map() }
    if (known === undefined) this.#subjects.set(key, subject)
    const isNew = !subject.connections.has(attendee)
    if (!isNew && subject.connections.get(attendee)?.json === state) return
    if (isNew) this.#connections++
    subject.connections.delete(attendee)
    subject.connections.set(attendee, state === undefined ? undefined : { json: state, at: now })
    if (known === undefined && this.#listed.size < this.#maxEntries && isListable(key)) this.#listed.add(key)
    if (this.#listed.has(key)) return this.#onChange(key)
    if (known === undefined && isListable(key)) this.#waiting.add(key)
    if (isNew) this.#countMore(1, now)
  }

  leave(key: string, attendee: Attendee, now: number): void {
    const subject = this.#subjects.get(key)
    if (subject?.connections.delete(attendee) !== true) return
    this.#connections--
    const hasLeft = subject.connections.size === 0
    if (hasLeft) this.#subjects.delete(key)
    if (!this.#listed.has(key)) {
      if (hasLeft) this.#waiting.delete(key)
      return this.#countMore(-1, now)
    }
    if (hasLeft) {
      this.#listed.delete(key)
      this.#listNext(now)
    }
    this.#onChange(key)
  }

  /** Keys that have a share. */
  *keys(): Iterable<string> {
    yield* this.#listed
    if (this.#moreConnections > 0) yield MORE_KEY
  }

  share(key: string): Share | undefined {
    if (key === MORE_KEY) {
      return this.#moreConnections === 0 ? undefined : { connections: this.#moreConnections, joinedAt: this.#moreSince }
    }
    const subject = this.#listed.has(key) ? this.#subjects.get(key) : undefined
    if (subject === undefined) return undefined
    let state: SaidState | undefined
    for (const said of subject.connections.values()) state = said ?? state
    return {
      connections: subject.connections.size,
      joinedAt: subject.joinedAt,
      ...(state !== undefined && { state }),
    }
  }

  #listNext(now: number): void {
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    this.#listed.add(next)
    this.#onChange(next)
    this.#countMore(-this.#subjects.get(next)!.connections.size, now)
  }

  #countMore(change: number, now: number): void {
    if (this.#moreConnections === 0) this.#moreSince = now
    this.#moreConnections += change
    this.#onChange(MORE_KEY)
  }
}

/** Longer ones are no keys of events. */
function isListable(key: string): boolean {
  return key !== MORE_KEY && key.isWellFormed() && !exceeds(key, LIMITS.keyBytes)
}
