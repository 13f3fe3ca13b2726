import { HEARTBEAT_FRESH_MS } from '../heartbeat.ts'
import { keys } from '../keys.ts'
import type { RedisOf } from '../redis/connection.ts'
import { redisNow } from '../redis/redis-time.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import { type ContractHead, FIRST, firstHead } from './contract-head.ts'

/** Also in a full Redis: processes would not know of each other. */
const RENEW_SCRIPT: Script = loadScript('contract-renew', { allowOom: true, include: ['owner'] })
const WRITE_SCRIPT: Script = loadScript('contract-write', { allowOom: true })

/** How long a claim outlives the last process that renewed it. */
export const CLAIM_MS = 5_000

/** What is stored of the contracts of a deployment at one moment. */
export interface SeenContract {
  /** As it is stored; empty for nothing. */
  readonly state: string
  readonly head: ContractHead | undefined
  /** Generations with a process that is alive. */
  readonly live: readonly number[]
}

export interface SeenRecord extends SeenContract {
  /** What the head holds, as JSON; empty where that is not known. */
  readonly record: string
  /** Workers, or all processes, of versions that know nothing of generations are alive. */
  readonly hasOtherVersions: boolean
}

/** The head of a deployment's contracts in Redis, and who is alive. */
export class ContractStore {
  readonly #redisOf: RedisOf

  constructor(redisOf: RedisOf) {
    this.#redisOf = redisOf
  }

  /** Writes nothing. What processes of versions before generations have left counts as of the first one. */
  async look(): Promise<SeenRecord> {
    const redis = this.#redisOf(keys.contract)
    const [state, stored, now] = await Promise.all([
      redis.hget(keys.contractHead, 'state'),
      redis.hgetall(keys.contractLive),
      redisNow(redis),
    ])
    const live = Object.entries(stored).filter(([, at]) => Math.abs(now - Number(at)) < CLAIM_MS)
    const seen = seenOf(
      state ?? '',
      live.map(([generation]) => Number(generation)),
    )
    if (seen.head !== undefined) {
      const record = await this.record()
      return { ...seen, record, hasOtherVersions: await this.#hasOtherWorkers(seen.head, seen.live) }
    }
    const [hash, record] = await Promise.all([
      redis.get(keys.contract),
      this.#redisOf(keys.contractRecord).get(keys.contractRecord),
    ])
    const known = record === null ? undefined : (JSON.parse(record) as { readonly hash: string }).hash
    const former = hash ?? known
    if (former === undefined) return { ...seen, record: '', hasOtherVersions: false }
    const isAlive = hash !== null
    return {
      ...seen,
      head: firstHead(former),
      live: isAlive ? [FIRST] : [],
      record: known === former ? record! : '',
      hasOtherVersions: isAlive,
    }
  }

  /** What the head holds, as JSON; empty where that is not known. */
  async record(): Promise<string> {
    return (await this.#redisOf(keys.contractHead).hget(keys.contractHead, 'record')) ?? ''
  }

  /** Expiry follows Redis' clock: if that was set back, the claim of a dead process would last as much longer. */
  async boundFormer(): Promise<void> {
    await this.#redisOf(keys.contract).pexpire(keys.contract, CLAIM_MS, 'LT')
  }

  /** Says that processes of a generation are alive. */
  async renew(generation: number): Promise<SeenContract> {
    const scriptKeys = [keys.contractHead, keys.contractLive, keys.contract]
    const reply = await runScript(this.#redisOf(keys.contract), RENEW_SCRIPT, scriptKeys, [generation, CLAIM_MS])
    const [state, ...live] = reply as [string, ...number[]]
    return seenOf(state, live)
  }

  /** Replaces the head that was seen. False where it is another one by now. */
  async write({ state }: SeenContract, head: ContractHead, record: string): Promise<boolean> {
    const args = [state, JSON.stringify(head), record]
    return (await runScript(this.#redisOf(keys.contract), WRITE_SCRIPT, [keys.contractHead], args)) === 1
  }

  /** Whether a worker is alive that is among those of no generation. */
  async #hasOtherWorkers({ generation, before }: ContractHead, live: readonly number[]): Promise<boolean> {
    const redis = this.#redisOf(keys.workers)
    const now = await redisNow(redis)
    const bounds = [`(${now - HEARTBEAT_FRESH_MS}`, `(${now + HEARTBEAT_FRESH_MS}`] as const
    const workers = await redis.zrangebyscore(keys.workers, ...bounds)
    // A head that Redis has lost, and a process has written again, names none before it.
    const generations = new Set([FIRST, ...Object.values(before), generation, ...live])
    const known = await Promise.all([...generations].map((one) => redis.zrangebyscore(keys.workersOf(one), ...bounds)))
    const all = new Set(known.flat())
    return workers.some((worker) => !all.has(worker))
  }
}

function seenOf(state: string, live: readonly number[]): SeenContract {
  return { state, head: state === '' ? undefined : (JSON.parse(state) as ContractHead), live }
}
