import { orWhyNot, type Redis, receivedOver, untilReady, writeTogether } from './connection.ts'
import type { Guard } from './guard.ts'

/** How long calls wait for the first connection to a Redis before they fail. */
const OPEN_MS = 1_000

/** A connection to one Redis, behind the guard of one class of operations. */
export class Line {
  readonly redis: Redis
  readonly guard: Guard
  /** Resolves when its connection is there for the first time, or is not in time; `undefined` from then on. */
  opening: Promise<void> | undefined
  readonly #read: { readonly receivedBytes: () => number }

  constructor(redis: Redis, guard: Guard) {
    this.redis = redis
    this.guard = guard
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
}
