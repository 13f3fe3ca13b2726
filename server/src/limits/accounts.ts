import { Account } from './account.ts'

/** Addresses, or callers, without a connection that are remembered: what they used is forgotten with them. */
const MAX_IDLE = 10_000

/** Whose account it is. There is one object of them, however many connections refer to it. */
export interface Holder {
  readonly scope: 'address' | 'caller'
  readonly name: string
  readonly account: Account
}

interface Counted extends Holder {
  /** Connections and requests that refer to it. */
  users: number
}

/** The accounts of all addresses, or of all callers: those in use, and the last ones that were. Pure. */
export class Accounts {
  readonly #scope: Holder['scope']
  readonly #limits: ConstructorParameters<typeof Account>[0]
  readonly #used = new Map<string, Counted>()
  /** The longest idle first. */
  readonly #idle = new Map<string, Counted>()
  readonly #maxIdle: number

  constructor(scope: Holder['scope'], limits: ConstructorParameters<typeof Account>[0], maxIdle = MAX_IDLE) {
    this.#scope = scope
    this.#limits = limits
    this.#maxIdle = maxIdle
  }

  get size(): number {
    return this.#used.size + this.#idle.size
  }

  /** To be given back by `leave`. */
  use(name: string): Holder {
    let holder = this.#used.get(name)
    if (holder === undefined) {
      holder = this.#idle.get(name) ?? { scope: this.#scope, name, account: new Account(this.#limits), users: 0 }
      this.#idle.delete(name)
      this.#used.set(name, holder)
    }
    holder.users++
    return holder
  }

  leave(name: string): void {
    const holder = this.#used.get(name)
    if (holder === undefined || --holder.users > 0) return
    this.#used.delete(name)
    this.#idle.set(name, holder)
    if (this.#idle.size > this.#maxIdle) this.#idle.delete(this.#idle.keys().next().value!)
  }
}
