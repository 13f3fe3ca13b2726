import { partitionOf } from '../../../server/src/bus/index.ts'
import { SKUS } from '../support/shop/entities.ts'
import type { LogWriter } from './log-writer.ts'
import { otherUnderTheId, type TallyCommand } from './tally-command.ts'

const KEYS = 40
/** Commands of one batch, and how many of them repeat an earlier one. */
const COMMANDS = 12
const REPEAT_SHARE = 0.2
/** Of repeats, those that have other content. */
const CONFLICT_SHARE = 0.1
const RECENT = 200
/** Of new commands, those from which others follow. */
const ORDER_SHARE = 0.1
const MAX_PARTS = 3

/** Commands over some entities, some of them again, as clients do that have no answer. */
export class TallyCommands {
  readonly #writer: LogWriter
  readonly #partitions: number
  readonly #random: () => number
  readonly #recent: TallyCommand[] = []
  #count = 0

  constructor(writer: LogWriter, partitions: number, random: () => number) {
    this.#writer = writer
    this.#partitions = partitions
    this.#random = random
  }

  async write(): Promise<void> {
    const byPartition = new Map<number, TallyCommand[]>()
    for (let i = 0; i < COMMANDS; i++) {
      const command = this.#next()
      const partition = partitionOf(command.key, this.#partitions)
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), command])
    }
    await Promise.all([...byPartition].map(([partition, own]) => this.#writer.writeCommands(partition, own)))
  }

  #next(): TallyCommand {
    if (this.#recent.length > 0 && this.#random() < REPEAT_SHARE) {
      const known = this.#recent[this.#below(this.#recent.length)]!
      return this.#random() < CONFLICT_SHARE ? otherUnderTheId(known) : known
    }
    const command = this.#new(`c-${this.#count++}`)
    this.#recent.push(command)
    if (this.#recent.length > RECENT) this.#recent.shift()
    return command
  }

  #new(id: string): TallyCommand {
    if (this.#random() >= ORDER_SHARE) {
      return { id, key: `t-${this.#below(KEYS)}`, entity: 'tally', v: this.#below(10) }
    }
    const [sku, parts] = [`s-${this.#below(SKUS)}`, 1 + this.#below(MAX_PARTS)]
    return { id, key: `o-${id}`, entity: 'order', sku, parts }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
