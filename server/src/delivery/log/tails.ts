import {
  type Bus,
  BusUnavailable,
  type KnownEntry,
  type LogHeads,
  missingPartition,
  wholeEntry,
} from '../../bus/index.ts'
import type { WallClock } from '../../clock.ts'
import type { Examine } from './examine.ts'
import { everyLane, type LogStart } from './log-start.ts'
import { PartitionTail, type TailEvents, type TailState } from './partition-tail.ts'
import type { TopicTail } from './topic-tail.ts'

/** By topic. */
type Starts = ReadonlyMap<string, LogStart>

/** The tails of all partitions, over the topics that somebody holds. */
export class Tails {
  readonly #partitions: readonly PartitionTail[]
  readonly #bus: Bus
  readonly #holders = new Map<string, number>()
  readonly #opening = new Map<string, Promise<Starts>>()

  /** @param retentionMs the shortest of the topics */
  constructor(bus: Bus, retentionMs: number, examine: Examine, clock: WallClock, events: TailEvents) {
    this.#bus = bus
    this.#partitions = bus.tails('tail').map((reader) => new PartitionTail(reader, retentionMs, examine, clock, events))
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

  /**
   * Makes every partition tail the topics from now on, unless it does already. The caller MUST hold them.
   *
   * @returns by partition, where a reader of each topic begins that gets everything appended since this call
   */
  open(topics: readonly string[]): Promise<Starts[]> {
    return Promise.all(this.#partitions.map((tail) => this.#openIn(tail, topics)))
  }

  async #openIn(tail: PartitionTail, topics: readonly string[]): Promise<Starts> {
    const starts = new Map<string, LogStart>()
    const missing: string[] = []
    for (const topic of topics) {
      const open = tail.get(topic)
      if (open === undefined) missing.push(topic)
      else starts.set(topic, open.start)
    }
    if (missing.length === 0) return starts
    return new Map([...starts, ...(await this.#openMissing(tail, missing))])
  }

  /** Callers at the same time share one answer. */
  #openMissing(tail: PartitionTail, missing: readonly string[]): Promise<Starts> {
    const name = `${tail.partition} ${missing.join(' ')}`
    let opening = this.#opening.get(name)
    if (opening === undefined) {
      opening = this.#openOne(tail, missing).finally(() => this.#opening.delete(name))
      this.#opening.set(name, opening)
    }
    return opening
  }

  async #openOne(tail: PartitionTail, missing: readonly string[]): Promise<Starts> {
    const { epoch, topics: heads } = await this.#headsBeforeAppends(tail.partition, missing)
    if (epoch === undefined) throw missingPartition(tail.partition)
    const starts = new Map<string, LogStart>()
    for (const [topic, { lastId }] of heads) {
      starts.set(topic, everyLane(epoch, wholeEntry(epoch, lastId)))
      if (this.#holders.has(topic) && tail.get(topic) === undefined) tail.add(topic, lastId, epoch)
    }
    return starts
  }

  /**
   * The heads as they are before anything is appended that comes to this process later:
   *
   * 1. A client subscribes and publishes. 2. The heads are asked for, and then the event is appended. 3. Over another
   * connection the append may overtake: its event would lie before the subscription.
   *
   * While appends are not let through nothing overtakes, and the heads come over the connection of replays.
   */
  async #headsBeforeAppends(partition: number, topics: readonly string[]): Promise<LogHeads> {
    try {
      return await this.#bus.log(partition, 'append').heads(topics)
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      return await this.#bus.log(partition, 'replay').heads(topics)
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
