import { type HeldQuantity, QUANTITIES, type Quantity, type RateQuantity } from './limit-table.ts'
import { NewKeys } from './new-keys.ts'
import { TokenBucket } from './token-bucket.ts'

/** What one address, caller or gateway has used of its limits. Made as it is used: most use little. Pure. */
export class Account {
  readonly #limits: Readonly<Partial<Record<Quantity, number>>>
  readonly #held: Partial<Record<HeldQuantity, number>> = {}
  readonly #buckets: Partial<Record<RateQuantity, TokenBucket>> = {}
  #keys: NewKeys | undefined

  constructor(limits: Readonly<Partial<Record<Quantity, number>>>) {
    this.#limits = limits
  }

  held(quantity: HeldQuantity): number {
    return this.#held[quantity] ?? 0
  }

  hasRoom(quantity: HeldQuantity, amount: number): boolean {
    return this.held(quantity) + amount <= this.#limitOf(quantity)
  }

  /** @param amount negative: it is released */
  hold(quantity: HeldQuantity, amount: number): void {
    this.#held[quantity] = this.held(quantity) + amount
  }

  /** How long until so many may be taken, ms; 0: now. */
  waitMs(quantity: RateQuantity, amount: number, now: number): number {
    return this.#bucket(quantity, now)?.waitMs(amount, now) ?? 0
  }

  take(quantity: RateQuantity, amount: number, now: number): void {
    this.#bucket(quantity, now)?.take(amount, now)
  }

  keysWaitMs(now: number): number {
    return this.#keys?.waitMs(this.#limitOf('keys'), now) ?? 0
  }

  addKeys(keys: Iterable<string>, now: number): void {
    if (this.#limitOf('keys') === Number.POSITIVE_INFINITY) return
    this.#keys ??= new NewKeys(now)
    this.#keys.add(keys)
  }

  #limitOf(quantity: Quantity): number {
    return this.#limits[quantity] ?? Number.POSITIVE_INFINITY
  }

  #bucket(quantity: RateQuantity, now: number): TokenBucket | undefined {
    const limit = this.#limitOf(quantity)
    if (limit === Number.POSITIVE_INFINITY) return undefined
    const { seconds, burstSeconds } = QUANTITIES[quantity]
    const perSecond = limit / seconds
    this.#buckets[quantity] ??= new TokenBucket(perSecond, perSecond * burstSeconds, now)
    return this.#buckets[quantity]
  }
}
