import { type AppendCalls, appendCalls } from '../calls/append-calls.ts'
import { type CommitCalls, commitCalls } from '../calls/commit-calls.ts'
import { orWhyNot, type Redis, receivedOver, untilReady, writeSoon, writeTogether } from '../redis/connection.ts'
import type { Guard } from './guard.ts'

/** How long calls wait for the first connection to a Redis before they fail. */
const OPEN_MS = 1_000

/** A connection to one Redis, behind the guard of one class of operations. */
export class Line {
  readonly redis: Redis
  readonly guard: Guard
  /** Resolves when its connection is there for the first time, or is not in time; `undefined` from then on. */
  opening: Promise<void> | undefined
  /** What leaves over it, and comes from several partitions at once. */
  readonly appends: AppendCalls
  readonly commits: CommitCalls
  readonly #read: { readonly receivedBytes: () => number }

  /** @param isOneSlot whether one command may touch one slot only */
  constructor(redis: Redis, guard: Guard, isOneSlot: boolean) {
    this.redis = redis
    this.guard = guard
    this.appends = appendCalls((call) => guard.run(() => this.#callSoon(call)), isOneSlot)
    this.commits = commitCalls((call) => this.run(call), isOneSlot)
    this.#read = { receivedBytes: receivedOver(redis) }
    if (redis.status === 'ready') return
    this.opening = untilReady(redis, OPEN_MS)
      .catch(() => {})
      .finally(() => {
        this.opening = undefined
      })
  }

  /** One call of bounded size. @throws BusUnavailable, BusFull */
  run<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    return this.guard.run(() => this.#call(call))
  }

  /** One call whose answer may be large: late but still arriving is no outage. @throws BusUnavailable */
  read<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    return this.guard.run(() => this.#call(call), this.#read)
  }

  #call<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    writeTogether(this.redis)
    return orWhyNot(this.redis, call(this.redis))
  }

  /** For what was gathered already: nothing would be gained by the rest of the turn. */
  #callSoon<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    writeSoon(this.redis)
    return orWhyNot(this.redis, call(this.redis))
  }
}
