import { partitionOf } from '../../../server/src/bus/index.ts'
import type { LogWriter } from './log-writer.ts'
import type { TallyCommand } from './tally-command.ts'

const KEYS = 40
/** Commands of one batch, and how many of them repeat an earlier one. */
const COMMANDS = 12
const REPEAT_SHARE = 0.2
/** Of repeats, those that have other content. */
const CONFLICT_SHARE = 0.1
const RECENT = 200

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
      return this.#random() < CONFLICT_SHARE ? { ...known, v: known.v + 1 } : known
    }
    const command = { id: `c-${this.#count++}`, key: `t-${this.#below(KEYS)}`, v: this.#below(10) }
    this.#recent.push(command)
    if (this.#recent.length > RECENT) this.#recent.shift()
    return command
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
