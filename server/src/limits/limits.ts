import type { Clock } from '../clock.ts'
import { Account } from './account.ts'
import { Accounts } from './accounts.ts'
import type { ClientAddress } from './client-address.ts'
import { ClientLimits, type SharedLimits } from './client-limits.ts'
import { Contention } from './contention.ts'
import type { LimitSettings } from './limit-settings.ts'
import { type HeldQuantity, type LimitName, QUANTITIES, type Quantity, type Scope } from './limit-table.ts'
import { type Refusal, refusal } from './refusal.ts'

/** What it costs to refuse a handshake, ms. */
const HANDSHAKE_WORK_MS = 0.1

export interface LimitsOptions {
  readonly settings: LimitSettings
  readonly clock: Pick<Clock, 'monotonic'>
  /** Something was over a limit. MUST NOT throw. */
  readonly onRefused?: (limit: LimitName) => void
}

export interface LimitStats {
  readonly subscriptionBytes: number
  readonly filterTerms: number
  readonly bodyBytes: number
  readonly commandBytes: number
  /** Addresses and callers that are remembered. */
  readonly accounts: Readonly<Record<'address' | 'caller', number>>
}

/** The limits of one gateway: of itself, of addresses and of callers. Pure but for its clock. */
export class Limits implements SharedLimits {
  readonly gateway: Account
  readonly accounts: Readonly<Record<'address' | 'caller', Accounts>>
  readonly contention = new Contention()
  readonly #options: LimitsOptions

  constructor(options: LimitsOptions) {
    const { of } = options.settings
    this.#options = options
    this.gateway = new Account(of.gateway)
    this.accounts = { address: new Accounts('address', of.address), caller: new Accounts('caller', of.caller) }
  }

  get connection(): LimitSettings['of']['connection'] {
    return this.#options.settings.of.connection
  }

  now(): number {
    return this.#options.clock.monotonic()
  }

  /** To be called often. @param utilization part of the time since the last call in which the event loop worked */
  observeLoop(utilization: number): void {
    this.contention.observe(utilization, this.now())
  }

  afterTurn(action: () => void): void {
    setImmediate(action)
  }

  /** Limits of one connection, stream or request. MUST be closed. */
  open(address: ClientAddress): ClientLimits {
    return new ClientLimits(this, this.#isExempt(address) ? undefined : address.name)
  }

  /** For somebody whose address does not count. MUST be closed. */
  exempt(): ClientLimits {
    return new ClientLimits(this, undefined)
  }

  /** A peer connects. False: it has done so too often. */
  accept(address: ClientAddress): boolean {
    if (this.#isExempt(address)) return true
    const limits = this.open(address)
    const refused = limits.connect()
    limits.close()
    return refused === undefined
  }

  /** Why a handshake is refused now. */
  refuseConnection(address: ClientAddress): Refusal | undefined {
    const limits = this.open(address)
    limits.worked(HANDSHAKE_WORK_MS)
    const refused =
      limits.overworked() ?? (address.isProxied ? limits.connect() : undefined) ?? limits.hold('connections', 1)
    limits.close()
    return refused
  }

  /** Whether there is room for the process itself. @param bytes its memory */
  hasMemory(bytes: number): boolean {
    return bytes <= (this.#options.settings.of.gateway.memory ?? Number.POSITIVE_INFINITY)
  }

  /** As for a client, of the gateway alone. */
  hold(quantity: HeldQuantity, amount: number): Refusal | undefined {
    if (!this.gateway.hasRoom(quantity, amount)) {
      return this.refuse('gateway', quantity, QUANTITIES[quantity].retryAfterMs)
    }
    this.gateway.hold(quantity, amount)
    return undefined
  }

  release(quantity: HeldQuantity, amount: number): void {
    this.gateway.hold(quantity, -amount)
  }

  stats(): LimitStats {
    const { address, caller } = this.accounts
    return {
      subscriptionBytes: this.gateway.held('subscriptionBytes'),
      filterTerms: this.gateway.held('filterTerms'),
      bodyBytes: this.gateway.held('bodyBytes'),
      commandBytes: this.gateway.held('commandBytes'),
      accounts: { address: address.size, caller: caller.size },
    }
  }

  refuse(scope: Scope, quantity: Quantity, retryAfterMs: number): Refusal {
    const refused = refusal(scope, quantity, retryAfterMs)
    this.#options.onRefused?.(refused.limit)
    return refused
  }

  #isExempt({ isLoopback }: ClientAddress): boolean {
    return isLoopback && !this.#options.settings.includesLoopback
  }
}
