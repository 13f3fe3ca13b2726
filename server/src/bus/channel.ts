import { orWhyNot, type Redis, receivedOver, writeTogether } from './connection.ts'
import type { Guard } from './guard.ts'
import { runScript, type Script } from './script.ts'

/** A connection behind the guard of one class of operations. */
export class Channel {
  readonly #redis: Redis
  readonly #guard: Guard
  readonly #read: { readonly receivedBytes: () => number }

  constructor(redis: Redis, guard: Guard) {
    this.#redis = redis
    this.#guard = guard
    this.#read = { receivedBytes: receivedOver(redis) }
  }

  /** One call of bounded size. @throws BusUnavailable, BusFull */
  run<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    return this.#guard.run(() => this.#call(call))
  }

  /** One call whose answer may be large: late but still arriving is no outage. @throws BusUnavailable */
  read<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    return this.#guard.run(() => this.#call(call), this.#read)
  }

  /** @throws BusUnavailable, BusFull */
  script(script: Script, scriptKeys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    return this.run((redis) => runScript(redis, script, scriptKeys, args))
  }

  /** The same of a script that only reads, and whose answer may be large. @throws BusUnavailable */
  readScript(
    script: Script,
    scriptKeys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    return this.read((redis) => runScript(redis, script, scriptKeys, args))
  }

  #call<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    writeTogether(this.#redis)
    return orWhyNot(this.#redis, call(this.#redis))
  }
}
