import type { Account } from './account.ts'
import type { Accounts } from './accounts.ts'
import {
  HELD_QUANTITIES,
  type HeldQuantity,
  QUANTITIES,
  type Quantity,
  type RateQuantity,
  type Scope,
} from './limit-table.ts'
import type { Refusal } from './refusal.ts'

/** What all clients share. */
export interface SharedLimits {
  readonly connection: Readonly<Partial<Record<Quantity, number>>>
  readonly gateway: Account
  readonly accounts: Readonly<Record<'address' | 'caller', Accounts>>
  now(): number
  refuse(scope: Scope, quantity: Quantity, retryAfterMs: number): Refusal
}

/** An account, and the name under which it is shared. */
interface Shared {
  readonly scope: 'address' | 'caller'
  readonly name: string
  readonly account: Account
}

const NONE: readonly Shared[] = []

/** The limits of one connection, stream or request: its own, and its share of those of its address and caller. */
export class ClientLimits {
  readonly #limits: SharedLimits
  #shared: readonly Shared[] = NONE
  /** Made when something is held. */
  #held: Record<HeldQuantity, number> | undefined
  #isClosed = false

  /** @param address absent: none counts */
  constructor(limits: SharedLimits, address: string | undefined) {
    this.#limits = limits
    if (address !== undefined) this.#share('address', address)
  }

  /**
   * From now on the limits of the caller hold too, for what is held already as well. To be called once.
   *
   * @param caller absent for one who has not said who it is: its address counts
   */
  identify(caller: string | undefined): Refusal | undefined {
    if (caller === undefined || this.#isClosed) return undefined
    const account = this.#share('caller', caller)
    const over = HELD_QUANTITIES.find((quantity) => !account.hasRoom(quantity, 0))
    return over && this.#limits.refuse('caller', over, QUANTITIES[over].retryAfterMs)
  }

  /** A new connection begins. */
  connect(): Refusal | undefined {
    return this.#take('connects', 1)
  }

  /** A frame or a request has come. */
  frame(bytes: number): Refusal | undefined {
    return this.#take('frames', 1) ?? this.#take('bytes', bytes)
  }

  /** Bytes that have come already: they are paid for by what follows. */
  charge(bytes: number): void {
    const now = this.#limits.now()
    for (const { account } of this.#shared) account.take('bytes', bytes, now)
  }

  events(count: number): Refusal | undefined {
    return this.#take('events', count)
  }

  producer(): Refusal | undefined {
    return this.#take('producers', 1)
  }

  /** Keys of events that are about to be stored. */
  keys(keys: () => Iterable<string>): Refusal | undefined {
    if (this.#shared.length === 0) return undefined
    const now = this.#limits.now()
    for (const { scope, account } of this.#shared) {
      const waitMs = account.keysWaitMs(now)
      if (waitMs > 0) return this.#limits.refuse(scope, 'keys', waitMs)
    }
    for (const { account } of this.#shared) account.addKeys(keys(), now)
    return undefined
  }

  /** Something is opened or kept, until it is released. */
  hold(quantity: HeldQuantity, amount: number): Refusal | undefined {
    const { connection, gateway } = this.#limits
    const full =
      (this.#held?.[quantity] ?? 0) + amount > (connection[quantity] ?? Number.POSITIVE_INFINITY)
        ? 'connection'
        : (this.#shared.find(({ account }) => !account.hasRoom(quantity, amount))?.scope ??
          (gateway.hasRoom(quantity, amount) ? undefined : 'gateway'))
    if (full !== undefined) return this.#limits.refuse(full, quantity, QUANTITIES[quantity].retryAfterMs)
    this.#add(quantity, amount)
    return undefined
  }

  release(quantity: HeldQuantity, amount: number): void {
    this.#add(quantity, -amount)
  }

  /** Gives up everything. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    if (this.#held !== undefined) {
      for (const quantity of HELD_QUANTITIES) this.#add(quantity, -this.#held[quantity])
    }
    for (const { scope, name } of this.#shared) this.#limits.accounts[scope].leave(name)
    this.#shared = NONE
    this.#isClosed = true
  }

  #add(quantity: HeldQuantity, amount: number): void {
    // An answer may come after the end of its connection.
    if (this.#isClosed || amount === 0) return
    this.#held ??= { connections: 0, subscriptions: 0, subscriptionBytes: 0, filterTerms: 0, queries: 0, bodyBytes: 0 }
    this.#held[quantity] += amount
    for (const { account } of this.#shared) account.hold(quantity, amount)
    this.#limits.gateway.hold(quantity, amount)
  }

  #share(scope: 'address' | 'caller', name: string): Account {
    const account = this.#limits.accounts[scope].use(name)
    for (const quantity of HELD_QUANTITIES) account.hold(quantity, this.#held?.[quantity] ?? 0)
    this.#shared = [...this.#shared, { scope, name, account }]
    return account
  }

  #take(quantity: RateQuantity, amount: number): Refusal | undefined {
    if (this.#shared.length === 0) return undefined
    const now = this.#limits.now()
    for (const { scope, account } of this.#shared) {
      const waitMs = account.waitMs(quantity, amount, now)
      if (waitMs > 0) return this.#limits.refuse(scope, quantity, waitMs)
    }
    for (const { account } of this.#shared) account.take(quantity, amount, now)
    return undefined
  }
}
