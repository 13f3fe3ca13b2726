import { Account } from './account.ts'

/** Addresses, or callers, without a connection that are remembered: what they used is forgotten with them. */
const MAX_IDLE = 10_000

/** The accounts of all addresses, or of all callers: those in use, and the last ones that were. Pure. */
export class Accounts {
  readonly #limits: ConstructorParameters<typeof Account>[0]
  readonly #used = new Map<string, Account>()
  /** The longest idle first. */
  readonly #idle = new Map<string, Account>()
  readonly #maxIdle: number

  constructor(limits: ConstructorParameters<typeof Account>[0], maxIdle = MAX_IDLE) {
    this.#limits = limits
    this.#maxIdle = maxIdle
  }

  get size(): number {
    return this.#used.size + this.#idle.size
  }

  /** To be given back by `leave`. */
  use(name: string): Account {
    let account = this.#used.get(name)
    if (account === undefined) {
      account = this.#idle.get(name) ?? new Account(this.#limits)
      this.#idle.delete(name)
      this.#used.set(name, account)
    }
    account.users++
    return account
  }

  leave(name: string): void {
    const account = this.#used.get(name)
    if (account === undefined || --account.users > 0) return
    this.#used.delete(name)
    this.#idle.set(name, account)
    if (this.#idle.size > this.#maxIdle) this.#idle.delete(this.#idle.keys().next().value!)
  }
}
