import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import type { RedisOf } from '../redis/connection.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import {
  type ClaimedContract,
  type ContractHead,
  type ContractRelation,
  type ContractRole,
  entryOf,
  FIRST,
  firstHead,
  successor,
} from './contract-head.ts'
import { refusal, stillHeld, type Unfit } from './contract-refusal.ts'
import { CLAIM_MS, ContractStore } from './contract-store.ts'
import { storedPartitions } from './topology.ts'

const FENCE_SCRIPT: Script = loadScript('fence', { allowOom: true })

export interface ClaimTimes {
  readonly renewMs: number
  /** A killed process leaves its claim behind: so long it is waited for before a process is refused. */
  readonly patienceMs: number
  /** Newer workers have to start, and to take every partition, before a gateway gives up waiting for them. */
  readonly workersPatienceMs: number
}

const TIMES: ClaimTimes = { renewMs: 1_500, patienceMs: CLAIM_MS + 1_500, workersPatienceMs: 30_000 }
const LOOK_EVERY_MS = 250

/**
 * The part of one process in the contract of its deployment. Gateways and workers of contracts that mean something else by the
 * same data would validate, route and fold by different rules, so a process is let in only beside those that it fits to; and
 * where its contract has more than theirs it takes their place, workers first.
 */
export class ContractClaim {
  readonly #redisOf: RedisOf
  readonly #contract: ClaimedContract
  readonly #role: ContractRole
  readonly #partitions: number
  readonly #store: ContractStore
  readonly #times: ClaimTimes
  #generation = FIRST
  #latest = FIRST
  #timer: NodeJS.Timeout | undefined
  readonly #onOusted: (why: BusMismatch) => void
  /** The head that was compared last, by its hash. */
  #compared = ''
  #isOusted = false

  /** @param onOusted called once, where a contract came in that this process cannot run beside. It MUST end. */
  constructor(
    redisOf: RedisOf,
    contract: ClaimedContract,
    role: ContractRole,
    partitions: number,
    onOusted: (why: BusMismatch) => void = () => {},
    times = TIMES,
  ) {
    this.#redisOf = redisOf
    this.#onOusted = onOusted
    this.#contract = contract
    this.#role = role
    this.#partitions = partitions
    this.#times = times
    this.#store = new ContractStore(redisOf)
  }

  /** Of this process's contract. */
  get generation(): number {
    return this.#generation
  }

  /** Of the contract that processes are to have, as of the last look. */
  get latest(): number {
    return this.#latest
  }

  /** Whether this process would be wrong beside those that are alive: it seemed dead when they started. */
  get isOusted(): boolean {
    return this.#isOusted
  }

  /** @throws BusMismatch where this process would be wrong beside those that are alive */
  async start(): Promise<void> {
    this.#generation = await this.#enter()
    if (this.#role === 'gateway') await this.#untilFolded()
    this.#timer = setInterval(() => {
      void this.#renew().catch(() => {})
      // By itself: in a cluster another node may have it.
      void this.#countPartitions().catch(() => {})
    }, this.#times.renewMs)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Whether no worker of an earlier contract holds a partition, or ever will. */
  async isEverywhere(): Promise<boolean> {
    return (await this.#behind()).length === 0
  }

  async #enter(): Promise<number> {
    const { hash, record } = this.#contract
    const startedAt = performance.now()
    for (;;) {
      const seen = await this.#store.look()
      if (seen.hasOtherVersions) await this.#store.boundFormer()
      const relation = seen.head === undefined ? 'same' : this.#relationTo(seen.head, seen.record)
      const live = new Set(seen.live)
      const entry = entryOf({ hash, role: this.#role }, seen.head, relation, live)
      if (entry.kind === 'join') {
        // Parts outside of the hash may differ from those of another process.
        const isLatest = relation === 'same'
        if (!isLatest || (await this.#store.write(seen, seen.head!, record))) {
          this.#latest = seen.head!.generation
          await this.#store.renew(entry.generation)
          return entry.generation
        }
        continue
      }
      let why: Unfit
      if (entry.kind === 'refuse') why = entry.why
      else if (seen.hasOtherVersions) why = 'version'
      else if (await this.#store.write(seen, entry.head, record)) {
        this.#latest = entry.head.generation
        await this.#store.renew(entry.head.generation)
        return entry.head.generation
      } else continue
      if (performance.now() - startedAt >= this.#patienceMs(why))
        throw refusal(why, this.#contract, seen.head!, seen.record)
      await pause(LOOK_EVERY_MS)
    }
  }

  #relationTo({ hash }: ContractHead, record: string): ContractRelation {
    if (hash === this.#contract.hash) return 'same'
    return record === '' ? 'apart' : this.#contract.relationTo(record)
  }

  /**
   * Events of this gateway's clients must not reach a worker that does not know them. So it waits until newer workers have
   * taken every partition; where no worker of an earlier contract is alive, it shuts those out that may come back.
   */
  async #untilFolded(): Promise<void> {
    for (const startedAt = performance.now(); ; await pause(LOOK_EVERY_MS)) {
      const behind = await this.#behind()
      if (behind.length === 0) return
      const { live } = await this.#store.renew(this.#generation)
      if (!live.some((generation) => generation < this.#generation)) {
        for (const partition of behind) await this.#fence(partition)
        continue
      }
      if (performance.now() - startedAt < this.#times.workersPatienceMs) continue
      throw stillHeld(behind)
    }
  }

  /** Partitions that were last taken under an earlier contract. */
  async #behind(): Promise<number[]> {
    if (this.#generation === FIRST) return []
    const all = Array.from({ length: this.#partitions }, (_, partition) => partition)
    const contractOf = (partition: number) => this.#redisOf(keys.meta(partition)).hget(keys.meta(partition), 'contract')
    const generations = await Promise.all(all.map(contractOf))
    return all.filter((partition) => Number(generations[partition] ?? FIRST) < this.#generation)
  }

  async #fence(partition: number): Promise<void> {
    const args = [this.#generation, randomBytes(8).toString('hex')]
    const meta = keys.meta(partition)
    await runScript(this.#redisOf(meta), FENCE_SCRIPT, [meta], args)
  }

  async #renew(): Promise<void> {
    const seen = await this.#store.renew(this.#generation)
    const { head, live } = seen
    const { hash, record } = this.#contract
    // Redis came back empty, or as it was before this contract came.
    if (head === undefined) await this.#store.write(seen, { ...firstHead(hash), generation: this.#generation }, record)
    else if (head.generation < this.#generation) {
      await this.#store.write(seen, { ...successor(head, hash, true), generation: this.#generation }, record)
    } else if (head.hash === hash && head.generation > this.#generation) {
      // An operator went back to this contract.
      this.#generation = head.generation
    } else if (head.isRolling && head.hash === hash && live.every((generation) => generation >= head.generation)) {
      await this.#store.write(seen, { ...head, isRolling: false }, record)
    } else if (head.generation > this.#generation) await this.#compare(head)
    this.#latest = Math.max(this.#generation, head?.generation ?? FIRST)
  }

  /** They are divided only where no process is connected: this one was cut off. */
  async #countPartitions(): Promise<void> {
    const stored = await storedPartitions(this.#redisOf(keys.cluster))
    if (this.#isOusted || stored === undefined || stored === this.#partitions) return
    this.#isOusted = true
    this.#onOusted(
      new BusMismatch(
        `The data have ${stored} partitions by now, and this process has ${this.#partitions}: they were divided while it was cut ` +
          `off from Redis. Start it again with TIDEGATE_PARTITIONS=${stored}.`,
      ),
    )
  }

  /** No such contract comes in while this process is seen to be alive: it slept, or Redis' clock was set. */
  async #compare(head: ContractHead): Promise<void> {
    if (this.#isOusted || this.#compared === head.hash) return
    const record = await this.#store.record()
    this.#compared = head.hash
    if (this.#relationTo(head, record) !== 'apart') return
    this.#isOusted = true
    this.#onOusted(refusal('apart', this.#contract, head, record))
  }

  #patienceMs(why: Unfit): number {
    switch (why) {
      case 'workers_first':
        return this.#times.workersPatienceMs
      case 'older':
      case 'apart':
      case 'version':
        return this.#times.patienceMs
      case 'rolling':
      case 'withdrawn':
        return 0
    }
  }
}
