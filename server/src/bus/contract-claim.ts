import type { Redis, RedisOf } from './connection.ts'
import { BusMismatch } from './errors.ts'
import { keys } from './keys.ts'

/** How long a claim outlives the last process that renewed it. */
const CLAIM_MS = 5_000
const RENEW_MS = 1_500

/** A contract as the processes of a deployment have to have it. */
export interface ClaimedContract {
  readonly hash: string
  /** What it holds, as JSON, for whoever compares another one with it. */
  readonly record: string
}

/**
 * Holds the contract hash of the running processes in Redis. A gateway and a worker on different contracts would
 * validate, route and fold by different rules, so a process with another hash is refused.
 */
export class ContractClaim {
  readonly #redisOf: RedisOf
  readonly #hash: string
  readonly #record: string
  #timer: NodeJS.Timeout | undefined

  constructor(redisOf: RedisOf, { hash, record }: ClaimedContract) {
    this.#redisOf = redisOf
    this.#hash = hash
    this.#record = record
  }

  /** @throws BusMismatch when processes of another contract are alive. */
  async start(): Promise<void> {
    const deadline = performance.now() + CLAIM_MS + RENEW_MS
    let holder = await this.#claim()
    // A killed process leaves its claim behind for CLAIM_MS: wait that long before refusing.
    while (holder !== this.#hash && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      holder = await this.#claim()
    }
    if (holder !== this.#hash) {
      throw new BusMismatch(
        `Other processes run contract ${holder}, this one has ${this.#hash}. Stop them first: gateways and workers must ` +
          'run the same tidegate.config.ts.',
      )
    }
    // What is no part of the hash may differ from what another process had.
    await this.#keepRecord()
    this.#timer = setInterval(() => void this.#claim().catch(() => {}), RENEW_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #claim(): Promise<string> {
    const redis = this.#redisOf(keys.contract)
    if ((await redis.set(keys.contract, this.#hash, 'PX', CLAIM_MS, 'NX')) === 'OK') {
      // Redis may have come back empty.
      await this.#keepRecord()
      return this.#hash
    }
    const holder = (await redis.get(keys.contract)) ?? ''
    if (holder === this.#hash) await redis.pexpire(keys.contract, CLAIM_MS)
    // Expiry follows Redis' clock: if that was set back, the claim of a dead process would last as much longer.
    else await redis.pexpire(keys.contract, CLAIM_MS, 'LT')
    return holder
  }

  async #keepRecord(): Promise<void> {
    await this.#redisOf(keys.contractRecord).set(keys.contractRecord, this.#record)
  }
}

/** The contract hash of the running processes; `undefined` when none runs. */
export async function runningContract(redis: Redis): Promise<string | undefined> {
  return (await redis.get(keys.contract)) ?? undefined
}

/** The record of the contract that was claimed last. */
export async function readContractRecord(redis: Redis): Promise<string | undefined> {
  return (await redis.get(keys.contractRecord)) ?? undefined
}
