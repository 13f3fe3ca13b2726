import { type Bus, deadLetterTopic } from '../bus/index.ts'
import type { Contract } from '../config/contract/model.ts'
import { deadLetterNames } from './dead-letter-names.ts'

/** Two milliseconds of Redis. There are as many as topics times partitions. */
export const LOGS_A_LOOK = 1_000

/** Which topics have dead letters, as found by looking at a bounded number of logs at a time, one after the other. */
export class LetterTopics {
  readonly #bus: Pick<Bus, 'partitions' | 'log'>
  /** In the order of the contract. */
  readonly #names: readonly string[]
  /** By topic, the partitions in which it has some. */
  readonly #partitions: ReadonlyMap<string, Set<number>>
  /** The next log: they are numbered partition by partition. */
  #next = 0

  constructor(bus: Pick<Bus, 'partitions' | 'log'>, contract: Contract) {
    this.#bus = bus
    this.#names = deadLetterNames(contract)
    this.#partitions = new Map(this.#names.map((name) => [name, new Set()]))
  }

  /** Looks at the next logs. @returns topics that have some as far as is known @throws BusUnavailable */
  async look(): Promise<readonly string[]> {
    const count = this.#names.length * this.#bus.partitions
    const asked = new Map<number, string[]>()
    for (let n = 0; n < Math.min(count, LOGS_A_LOOK); n++) {
      const log = (this.#next + n) % count
      const partition = Math.floor(log / this.#names.length)
      const names = asked.get(partition) ?? []
      asked.set(partition, names)
      names.push(this.#names[log % this.#names.length]!)
    }
    if (count > 0) this.#next = (this.#next + LOGS_A_LOOK) % count
    await Promise.all([...asked].map(([partition, names]) => this.#lookAt(partition, names)))
    return this.#names.filter((name) => this.#partitions.get(name)!.size > 0)
  }

  async #lookAt(partition: number, names: readonly string[]): Promise<void> {
    const sizes = await this.#bus.log(partition, 'query').sizes(names.map(deadLetterTopic))
    for (const name of names) {
      const partitions = this.#partitions.get(name)!
      if (sizes.get(deadLetterTopic(name))!.length > 0) partitions.add(partition)
      else partitions.delete(partition)
    }
  }
}
