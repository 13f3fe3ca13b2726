import type { Clock } from '../clock.ts'
import type { LoopTurn } from '../loop-turn.ts'

/**
 * How often those are looked at that are held. A share of a quarter of a core grows by one turn of 2 ms meanwhile: in 20 ms it grew by
 * several, one behind the other, and others waited in each of them.
 */
const HELD_LOOK_MS = 8

export interface TurnRoundsOptions<Member> {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly loopTurn: LoopTurn
  /** Members of one purse take turns as one. */
  purseOf(member: Member): unknown
  /** How long until something of a member is to be done, ms; 0: now. MUST NOT throw. */
  waitMs(member: Member): number
  /** A turn has begun: whose turn it is can be taken. MUST NOT throw. */
  onTurn(): void
}

/**
 * Rounds over the purses of those of whom something waits, as far as each turn of the event loop allows; members of a purse take its
 * turns in rounds of their own. Those who have to wait are held, and are in a round again once they may have waited enough.
 */
export class TurnRounds<Member> {
  readonly #options: TurnRoundsOptions<Member>
  /** By purse, that whose turn is next first. */
  readonly #round = new Map<unknown, Set<Member>>()
  /** Under which each is in the round: who a client is may become known meanwhile. */
  readonly #purses = new Map<Member, unknown>()
  readonly #held = new Set<Member>()
  #turn: NodeJS.Immediate | undefined
  #look: NodeJS.Timeout | undefined
  #until = 0

  constructor(options: TurnRoundsOptions<Member>) {
    this.#options = options
  }

  /** Nobody is in the round; some may be held. */
  get isEmpty(): boolean {
    return this.#round.size === 0
  }

  /** Whether the present turn has time left. */
  get hasTime(): boolean {
    return this.#options.clock.monotonic() < this.#until
  }

  /** Something is done: the time of the turn counts from the first call in it. */
  begin(): void {
    if (this.#turn !== undefined) return
    this.#until = this.#options.loopTurn.until()
    this.#turn = setImmediate(() => this.#next())
  }

  /** At the end of the round of its purse. */
  add(member: Member): void {
    const purse = this.#options.purseOf(member)
    const members = this.#round.get(purse)
    if (members === undefined) this.#round.set(purse, new Set([member]))
    else members.add(member)
    this.#purses.set(member, purse)
  }

  /** Whether one of the purse is in the round. */
  isWaiting(purse: unknown): boolean {
    return this.#round.has(purse)
  }

  isHeld(member: Member): boolean {
    return this.#held.has(member)
  }

  delete(member: Member): void {
    this.#leave(member)
    this.#held.delete(member)
  }

  /** Whose turn it is; it has left the round. `undefined`: nobody's in this turn of the event loop. */
  take(): Member | undefined {
    for (const [purse, members] of this.#round) {
      for (const member of members) {
        this.#leave(member)
        if (this.#options.waitMs(member) === 0) {
          // The next turn is another's.
          if (this.#round.delete(purse)) this.#round.set(purse, members)
          return member
        }
        this.#hold(member)
        if (!this.hasTime) return undefined
      }
    }
    return undefined
  }

  #leave(member: Member): void {
    const purse = this.#purses.get(member)
    const members = this.#round.get(purse)
    if (members === undefined || !this.#purses.delete(member)) return
    members.delete(member)
    if (members.size === 0) this.#round.delete(purse)
  }

  #next(): void {
    this.#turn = undefined
    if (this.#round.size > 0) this.begin()
    this.#options.onTurn()
  }

  #hold(member: Member): void {
    this.#held.add(member)
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      for (const held of this.#held) this.add(held)
      this.#held.clear()
      this.begin()
    }, HELD_LOOK_MS)
    this.#look.unref()
  }
}
