import { placeName, type SentinelAddress } from '../../redis-address.ts'
import { askAll } from './ask-all.ts'
import type { Destination, Guide, Target } from './guide.ts'
import { type KnownFaults, noAnswer } from './no-answer.ts'
import { type Master, Sentinel } from './sentinel.ts'

/** What the Sentinels of an address know, all together. */
export interface SentinelFacts {
  /** In the address. */
  readonly named: number
  readonly answering: number
  /** How many Redis they name as master. More than one: some are not up to date. */
  readonly masters: number
  /** Sentinels that watch the master, as the best informed knows. */
  readonly watching: number
  readonly replicas: number
  /** Why no failover is possible now, in the words of one of them. */
  readonly noFailover: string | undefined
}

const FAULTS: KnownFaults = [
  [/No such master/, 'the Sentinels watch no master of the name in REDIS_URL'],
  [/unknown command/, 'what REDIS_URL names as a Sentinel is a Redis; is it redis://, or another port?'],
  [/NOAUTH|Authentication required/, 'the Sentinels ask for a password (...?sentinelPassword=)'],
  [/WRONGPASS|invalid password/, 'the Sentinels refuse the sentinelUser or sentinelPassword of REDIS_URL'],
  [/NOPERM/, 'the sentinelUser of REDIS_URL may not run what docs/redis.md says'],
]

/** All Sentinels of an address. They lead to the master that they name. */
export class Sentinels implements Guide {
  readonly isWatched = true
  readonly replicaFault = 'the Redis that the Sentinels name is still a replica'
  readonly #all: readonly Sentinel[]
  #asked: Promise<Master> | undefined
  /** The last that they named. */
  #master: Master | undefined

  constructor(address: SentinelAddress) {
    this.#all = address.sentinels.map((at) => new Sentinel(at, address))
  }

  /** While none of them answers the master stays where it is. @throws NoMaster */
  async find(): Promise<Destination> {
    await this.look().catch((error) => {
      if (this.#master === undefined) throw error
    })
    return { node: '', ...this.#master! }
  }

  /** Callers of one moment share the question. @throws NoMaster */
  async look(): Promise<void> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined
    })
    this.#master = await this.#asked
  }

  isLeft(_target: Target, { place, epoch }: Destination): boolean {
    const now = this.#master
    if (now === undefined || 'path' in place) return false
    return now.epoch > epoch && placeName(now.place) !== placeName(place)
  }

  nodeOf(): string {
    return ''
  }

  learn(): boolean {
    return false
  }

  async facts(): Promise<SentinelFacts> {
    const asked = await Promise.allSettled(this.#all.map((sentinel) => sentinel.view()))
    const views = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    return {
      named: this.#all.length,
      answering: views.length,
      masters: new Set(views.map(({ master }) => placeName(master.place))).size,
      watching: Math.max(0, ...views.map(({ sentinels }) => sentinels)),
      replicas: Math.max(0, ...views.map(({ replicas }) => replicas)),
      noFailover: views.find(({ noFailover }) => noFailover !== undefined)?.noFailover,
    }
  }

  close(): void {
    for (const sentinel of this.#all) sentinel.close()
  }

  /** By the most recent of the answers: a Sentinel that was cut off still names an earlier master. */
  async #ask(): Promise<Master> {
    const { answers, errors } = await askAll(this.#all.map((sentinel) => sentinel.master()))
    if (answers === undefined) throw noAnswer('no Sentinel', errors, FAULTS)
    return answers.reduce((best, one) => (one.epoch > best.epoch ? one : best))
  }
}
