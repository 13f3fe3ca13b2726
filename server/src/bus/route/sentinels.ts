import { setTimeout as sleep } from 'node:timers/promises'
import { placeName, type SentinelAddress } from '../../redis-address.ts'
import { connectionFault } from '../connection-fault.ts'
import { NoMaster } from '../errors.ts'
import { type Master, Sentinel } from './sentinel.ts'

/** After the first answer the others have this long: one that hangs MUST NOT hold up a connection. */
const OTHERS_MS = 100

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

const FAULTS: readonly (readonly [matches: RegExp, why: string])[] = [
  [/No such master/, 'the Sentinels watch no master of the name in REDIS_URL'],
  [/unknown command/, 'what REDIS_URL names as a Sentinel is a Redis; is it redis://, or another port?'],
  [/NOAUTH|Authentication required/, 'the Sentinels ask for a password (...?sentinelPassword=)'],
  [/WRONGPASS|invalid password/, 'the Sentinels refuse the sentinelUser or sentinelPassword of REDIS_URL'],
  [/NOPERM/, 'the sentinelUser of REDIS_URL may not run what docs/redis.md says'],
]

/** All Sentinels of an address. */
export class Sentinels {
  readonly #all: readonly Sentinel[]
  #asked: Promise<Master> | undefined

  constructor(address: SentinelAddress) {
    this.#all = address.sentinels.map((at) => new Sentinel(at, address))
  }

  /**
   * Where the master is, by the most recent of the answers: a Sentinel that was cut off still names an earlier one.
   * Callers of one moment share the question.
   *
   * @throws NoMaster
   */
  master(): Promise<Master> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = undefined
    })
    return this.#asked
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

  /** The next question opens the connections anew. */
  close(): void {
    for (const sentinel of this.#all) sentinel.close()
  }

  async #ask(): Promise<Master> {
    const answers: Master[] = []
    const asked = this.#all.map(async (sentinel) => {
      answers.push(await sentinel.master())
    })
    const all = Promise.allSettled(asked)
    await Promise.any(asked).catch(() => {})
    if (answers.length > 0) await Promise.race([all, sleep(OTHERS_MS)])
    const [first, ...others] = answers
    if (first !== undefined) return others.reduce((best, one) => (one.epoch > best.epoch ? one : best), first)
    const errors = (await all).flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []))
    throw noMaster(errors)
  }
}

/** Final if no Sentinel can be hoped to answer otherwise later. */
function noMaster(errors: readonly Error[]): NoMaster {
  const known = errors.map(({ message }) => FAULTS.find(([matches]) => matches.test(message))?.[1])
  const isFinal = known.every((why) => why !== undefined)
  const why = known.find((one) => one !== undefined) ?? `no Sentinel answers: ${connectionFault(errors[0]!).why}`
  return new NoMaster(why, isFinal)
}
