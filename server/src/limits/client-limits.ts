import { Account } from './account.ts'
import type { Accounts, Holder } from './accounts.ts'
import type { Contention } from './contention.ts'
import {
  HELD_QUANTITIES,
  type HeldQuantity,
  QUANTITIES,
  type Quantity,
  type RateQuantity,
  type Scope,
} from './limit-table.ts'
import type { Reader } from './read-turns.ts'
import type { Refusal } from './refusal.ts'

/** What all clients share. */
export interface SharedLimits {
  readonly connection: Readonly<Partial<Record<Quantity, number>>>
  readonly gateway: Account
  readonly accounts: Readonly<Record<'address' | 'caller', Accounts>>
  readonly contention: Contention
  now(): number
  /** Calls it once what this turn of the event loop has received is handled. */
  afterTurn(action: () => void): void
  refuse(scope: Scope, quantity: Quantity, retryAfterMs: number): Refusal
}

interface Payer {
  readonly scope: 'connection' | 'address' | 'caller'
  readonly account: Account
}

const NONE: readonly Holder[] = []
/** What the smallest part of a body costs: it is handled by itself. */
const LEAST_PART_BYTES = 512
/** What the smallest read costs: the way to Redis and back. */
const LEAST_READ_BYTES = 16_384
/** What something costs at most: a process that was stopped, or waited for a core, was not at work meanwhile. */
const MOST_WORK_MS = 20
/** Of the turn in which a read comes back, at most this much is for its reader. */
const MOST_READ_WORK_MS = 2
/** Above this wait for its share a client is no longer waited for: it does not slow down. */
const OVERWORKED_MS = 1_000

/** The limits of one connection, stream or request: its own, and its share of those of its address and caller. */
export class ClientLimits implements Reader {
  readonly #limits: SharedLimits
  #shared: readonly Holder[] = NONE
  /** Made as it is used. */
  #own: Account | undefined
  #isReading = false
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

  /** A frame or a request has come. @param workMs that it takes in any case */
  frame(bytes: number, workMs = 0): Refusal | undefined {
    const now = this.#limits.now()
    if (workMs > 0) this.#worked(workMs, now)
    return this.#take('frames', 1, now) ?? this.#take('bytes', bytes, now)
  }

  /**
   * Parts of a body have come, of so many bytes together: they are paid for, whether or not there was enough left for them.
   *
   * @returns why no more of it is read, if so
   */
  received(bytes: number, parts: number): Refusal | undefined {
    const over = this.overdrawn('bytes')
    this.charge('bytes', Math.max(bytes, parts * LEAST_PART_BYTES))
    return over
  }

  /** Bytes that counted for the address as they came count for the caller, who was not known then. */
  chargeCaller(bytes: number): void {
    const now = this.#limits.now()
    for (const { scope, account } of this.#shared) if (scope === 'caller') account.take('bytes', bytes, now)
  }

  /** Pays for what is done already: what follows waits for it. */
  charge(quantity: RateQuantity, amount: number): void {
    const now = this.#limits.now()
    for (const { account } of this.#paying(quantity)) account.take(quantity, amount, now)
  }

  /** Why nothing of it may be done until what was done is paid for. */
  overdrawn(quantity: RateQuantity): Refusal | undefined {
    return this.#whyNot(quantity, 0)
  }

  /** A frame or request was refused for a rate. False: the client continues regardless, and MUST be cut. @param cost 1 for a small one */
  mayBeRefused(cost: number): boolean {
    return this.#take('refusals', cost) === undefined
  }

  get hasLeft(): boolean {
    return this.#isClosed
  }

  get purse(): object {
    return this.#shared.at(-1)?.account ?? this
  }

  readWaitMs(): number {
    const now = this.#limits.now()
    const payers = this.#paying('reads')
    return payers.reduce((waitMs, { account }) => Math.max(waitMs, account.waitMs('reads', 0, now)), this.workWaitMs())
  }

  chargeRead(bytes: number, fromRedis: boolean): void {
    this.charge('reads', fromRedis ? Math.max(bytes, LEAST_READ_BYTES) : bytes)
    if (this.#isReading) return
    this.#isReading = true
    const began = this.#limits.now()
    this.#limits.afterTurn(() => {
      this.#isReading = false
      this.worked(Math.min(MOST_READ_WORK_MS, this.#limits.now() - began))
    })
  }

  /** Does it for this client, who pays for the time it takes. @param action MUST NOT throw */
  working<Result>(action: () => Result): Result {
    const began = this.#limits.now()
    const result = action()
    const ended = this.#limits.now()
    this.#worked(ended - began, ended)
    return result
  }

  /** The event loop has worked for this client. */
  worked(ms: number): void {
    this.#worked(ms, this.#limits.now())
  }

  #worked(ms: number, now: number): void {
    const { contention } = this.#limits
    const { purse } = this
    contention.active(purse, now)
    // Time that nobody else has waited for is free.
    if (!contention.holdsFor(purse, now)) return
    this.#shared.at(-1)?.account.take('work', Math.min(MOST_WORK_MS, ms), now)
  }

  /** How long until it may have more of the event loop, ms; 0: now. */
  workWaitMs(): number {
    const payer = this.#shared.at(-1)
    if (payer === undefined) return 0
    const now = this.#limits.now()
    return this.#limits.contention.holdsFor(payer.account, now) ? payer.account.waitMs('work', 0, now) : 0
  }

  /** Why nothing more of it is taken in, even to wait. @param waitMs up to which it is waited for */
  overworked(waitMs = OVERWORKED_MS): Refusal | undefined {
    return this.workWaitMs() > waitMs ? this.refuseWork() : undefined
  }

  /** More of it waits than may. */
  refuseWork(): Refusal {
    return this.#limits.refuse(this.#shared.at(-1)?.scope ?? 'connection', 'work', Math.max(1, this.workWaitMs()))
  }

  events(count: number): Refusal | undefined {
    return this.#take('events', count)
  }

  producer(): Refusal | undefined {
    return this.#take('producers', 1)
  }

  ticket(): Refusal | undefined {
    return this.#take('tickets', 1)
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
    const full = !(this.#own?.hasRoom(quantity, amount) ?? amount <= (connection[quantity] ?? Number.POSITIVE_INFINITY))
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
    for (const quantity of HELD_QUANTITIES) this.#add(quantity, -(this.#own?.held(quantity) ?? 0))
    for (const { scope, name } of this.#shared) this.#limits.accounts[scope].leave(name)
    this.#shared = NONE
    this.#isClosed = true
  }

  #add(quantity: HeldQuantity, amount: number): void {
    // An answer may come after the end of its connection.
    if (this.#isClosed || amount === 0) return
    this.#account.hold(quantity, amount)
    for (const { account } of this.#shared) account.hold(quantity, amount)
    this.#limits.gateway.hold(quantity, amount)
  }

  #share(scope: 'address' | 'caller', name: string): Account {
    const holder = this.#limits.accounts[scope].use(name)
    for (const quantity of HELD_QUANTITIES) holder.account.hold(quantity, this.#own?.held(quantity) ?? 0)
    // Not spread: the array would have room for seventeen, in each connection.
    this.#shared = this.#shared.concat(holder)
    return holder.account
  }

  get #account(): Account {
    this.#own ??= new Account(this.#limits.connection)
    return this.#own
  }

  /** Whom a rate may be limited for. */
  #paying(quantity: RateQuantity): readonly Payer[] {
    if (this.#limits.connection[quantity] === undefined || this.#isClosed) return this.#shared
    return [{ scope: 'connection', account: this.#account }, ...this.#shared]
  }

  #whyNot(quantity: RateQuantity, amount: number): Refusal | undefined {
    return this.#refusalOf(this.#paying(quantity), quantity, amount, this.#limits.now())
  }

  #take(quantity: RateQuantity, amount: number, now = this.#limits.now()): Refusal | undefined {
    const payers = this.#paying(quantity)
    const refusal = this.#refusalOf(payers, quantity, amount, now)
    if (refusal === undefined) for (const { account } of payers) account.take(quantity, amount, now)
    return refusal
  }

  #refusalOf(payers: readonly Payer[], quantity: RateQuantity, amount: number, now: number): Refusal | undefined {
    for (const { scope, account } of payers) {
      const waitMs = account.waitMs(quantity, amount, now)
      if (waitMs > 0) return this.#limits.refuse(scope, quantity, waitMs)
    }
    return undefined
  }
}
