import { type Bus, type KnownEntry, missingPartition } from '../../bus/index.ts'
import type { WallClock } from '../../clock.ts'
import type { Examine } from './examine.ts'
import { PartitionTail, type TailEvents, type TailState } from './partition-tail.ts'
import type { TopicTail } from './topic-tail.ts'

/** The tails of all partitions, over the topics that somebody holds. */
export class Tails {
  readonly #partitions: readonly PartitionTail[]
  readonly #bus: Bus
  readonly #holders = new Map<string, number>()
  readonly #opening = new Map<string, Promise<void>>()

  constructor(bus: Bus, examine: Examine, clock: WallClock, events: TailEvents) {
    this.#bus = bus
    this.#partitions = bus.tails('tail').map((reader) => new PartitionTail(reader, examine, clock, events))
  }

  get count(): number {
    return this.#partitions.length
  }

  /** Of each partition: those that were divided. */
  get ancestors(): Bus['ancestors'] {
    return this.#bus.ancestors
  }

  async start(deadlineMs: number): Promise<void> {
    await Promise.all(this.#partitions.map((tail) => tail.start(deadlineMs)))
  }

  async close(): Promise<void> {
    await Promise.all(this.#partitions.map((tail) => tail.close()))
  }

  /** Holds topics: once `open` was called they stay tailed until as many `release` calls. */
  hold(topics: readonly string[]): void {
    for (const topic of topics) this.#holders.set(topic, (this.#holders.get(topic) ?? 0) + 1)
  }

  release(topics: readonly string[]): void {
    for (const topic of topics) {
      const holders = this.#holders.get(topic)! - 1
      if (holders > 0) this.#holders.set(topic, holders)
      else {
        this.#holders.delete(topic)
        for (const tail of this.#partitions) tail.drop(topic)
      }
    }
  }

  areOpen(topics: readonly string[]): boolean {
    return topics.every((topic) => this.#partitions.every((tail) => tail.get(topic) !== undefined))
  }

  /** Makes every partition tail the topics from now on, unless it does already. The caller MUST hold them. */
  async open(topics: readonly string[]): Promise<void> {
    await Promise.all(
      this.#partitions.map(async (tail) => {
        const missing = topics.filter((topic) => tail.get(topic) === undefined)
        if (missing.length > 0) await this.#openMissing(tail, missing)
      }),
    )
  }

  /** Callers at the same time share one answer. */
  #openMissing(tail: PartitionTail, missing: readonly string[]): Promise<void> {
    const name = `${tail.partition} ${missing.join(' ')}`
    let opening = this.#opening.get(name)
    if (opening === undefined) {
      opening = this.#openOne(tail, missing).finally(() => this.#opening.delete(name))
      this.#opening.set(name, opening)
    }
    return opening
  }

  async #openOne(tail: PartitionTail, missing: readonly string[]): Promise<void> {
    const { epoch, topics: heads } = await this.#bus.log(tail.partition, 'replay').heads(missing)
    if (epoch === undefined) throw missingPartition(tail.partition)
    for (const [topic, { lastId }] of heads) {
      if (this.#holders.has(topic) && tail.get(topic) === undefined) tail.add(topic, lastId, epoch)
    }
  }

  get(topic: string, partition: number): TopicTail | undefined {
    return this.#partitions[partition]?.get(topic)
  }

  /** As above, only while the tail's entries are known to be in the log. */
  getSure(topic: string, partition: number): TopicTail | undefined {
    const tail = this.#partitions[partition]
    return tail?.isSure ? tail.get(topic) : undefined
  }

  isCatchingUp(partition: number): boolean {
    return this.#partitions[partition]?.isCatchingUp === true
  }

  states(): TailState[] {
    return this.#partitions.map((tail) => tail.state)
  }

  newestSeen(partition: number): KnownEntry[] {
    return this.#partitions[partition]?.newestSeen() ?? []
  }
}
