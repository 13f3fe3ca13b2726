import { setTimeout as sleep } from 'node:timers/promises'
import { COMMAND_CODES } from '@tidegate/protocol'
import { type Bus, BusUnavailable, findAnswers, type LogTail, type StoredAnswer } from '../bus/index.ts'
import { storedOutcome } from '../entities/index.ts'
import { PacedReads } from '../limits/index.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'
import { AnswerTail } from './answer-tail.ts'
import { refuse, withEpoch } from './command-request.ts'
import { answerBytes, ownAnswers } from './own-answers.ts'
import { OwnerLag } from './owner-lag.ts'
import type { PendingCommands, Unanswered } from './pending-commands.ts'
import type { ReplicaGate } from './replica-gate.ts'
import { toldOutcomes } from './told-outcome.ts'

/** How long Redis may take at the start. */
const START_DEADLINE_MS = 10_000
/** Pause after a look-up that failed and that no breaker times. */
const RETRY_MS = 100
/** Commands that are looked up at a time: each may have an answer of some 40 KiB. */
const PAGE = 32
/** Of all partitions: after a connect every one of them may have some. */
const PAGES_AT_ONCE = 8

export interface AnswersOptions {
  readonly bus: Bus
  /** Name of this gateway, for which answers are meant. */
  readonly node: string
  readonly pending: PendingCommands
  readonly replicas: ReplicaGate
  readonly monotonic: () => number
  readonly report: ReportDefect
}

/**
 * Settles pending commands with what the owners of the partitions answer. Where an answer may have been passed over, all
 * pending commands of the partition are looked up.
 */
export class Answers {
  readonly #options: AnswersOptions
  readonly #report: ReportDefect
  readonly #tails: readonly AnswerTail[]
  /** By partition. */
  readonly #lags: readonly OwnerLag[]
  /** Partitions that are being looked up, and those that have to be once more. */
  readonly #lookingUp = new Set<number>()
  readonly #inDoubt = new Set<number>()
  readonly #pages = new PacedReads(PAGES_AT_ONCE)
  #closed = false

  constructor(options: AnswersOptions) {
    this.#options = options
    this.#report = withoutRepeats(options.report)
    this.#lags = Array.from({ length: options.bus.partitions }, () => new OwnerLag(options.monotonic))
    this.#tails = options.bus.tails('answers').map((reader) => this.#tail(reader))
  }

  /** Answers appended after it has resolved are read. @throws when Redis is not reachable */
  async start(): Promise<void> {
    await Promise.all(this.#tails.map((tail) => tail.start(START_DEADLINE_MS)))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#options.replicas.close()
    await Promise.all(this.#tails.map((tail) => tail.close()))
  }

  /** The log of a partition has this epoch. If it is a new one, commands stored before may be lost. */
  observe(partition: number, epoch: string): void {
    const tail = this.#tails[partition]!
    if (epoch !== tail.epoch) tail.doubt()
  }

  /** Whether the owner of a partition has more commands than it handles in a while. */
  isBehind(partition: number): boolean {
    return this.#lags[partition]!.isTooLong
  }

  #tail(reader: LogTail): AnswerTail {
    const { partition } = reader
    const { node, pending, replicas, report } = this.#options
    return new AnswerTail(reader, report, {
      onEntry: (entry) => {
        this.#lags[partition]!.heard(entry)
        const answers = ownAnswers(node, partition, entry)
        if (answers.length === 0) return
        const isHeld = replicas.release(partition, answerBytes(answers), () => {
          for (const { id, outcome, logged } of answers) pending.settle(partition, id, outcome, logged)
        })
        if (!isHeld) void this.#lookUp(partition)
      },
      onDoubt: () => void this.#lookUp(partition),
    })
  }

  async #lookUp(partition: number): Promise<void> {
    this.#inDoubt.add(partition)
    if (this.#lookingUp.has(partition)) return
    this.#lookingUp.add(partition)
    while (!this.#closed && this.#inDoubt.delete(partition)) {
      try {
        await this.#settleKnown(partition)
      } catch (error) {
        this.#inDoubt.add(partition)
        if (!(error instanceof BusUnavailable)) this.#report(`pending commands of partition ${partition}`, error)
        await sleep((error instanceof BusUnavailable && error.retryAfterMs) || RETRY_MS)
      }
    }
    this.#lookingUp.delete(partition)
  }

  /** Settles the pending commands that have an outcome already, and those that may be lost: page by page, whatever they are answered with. */
  async #settleKnown(partition: number): Promise<void> {
    const unanswered = this.#options.pending.unanswered(partition)
    const reader = { purse: {}, readWaitMs: () => 0, chargeRead() {} }
    for (let from = 0; from < unanswered.length; from += PAGE) {
      await this.#pages.run(reader, () => this.#settlePage(partition, unanswered.slice(from, from + PAGE)))
    }
  }

  async #settlePage(partition: number, page: readonly Unanswered[]): Promise<void> {
    const { bus, pending, replicas } = this.#options
    const unanswered = new Map(page.map((command) => [command.id, command]))
    const { epoch } = this.#tails[partition]!
    const [entities, log] = [bus.entities(partition, 'query'), bus.log(partition, 'query')]
    const found: StoredAnswer[] = []
    const missing = await findAnswers(entities, log, [...unanswered.keys()], (answer) => found.push(answer))
    if (found.length > 0) await replicas.confirm(partition)
    const same = found.flatMap(({ id, tag, event, position }) => {
      const command = unanswered.get(id)!
      const { checksum, entity, key } = command
      if (tag === checksum) return [{ command, entity, key, outcome: storedOutcome(event), position }]
      pending.settleFound(partition, command, refuse('conflict', COMMAND_CODES.conflict))
      return []
    })
    for await (const { command, outcome, position } of toldOutcomes(entities, same)) {
      pending.settleFound(partition, command, outcome, position === undefined ? undefined : { position })
    }
    for (const id of missing) {
      const command = unanswered.get(id)!
      if (command.epoch !== undefined && command.epoch !== epoch) {
        pending.settleFound(partition, command, withEpoch(refuse('epoch_changed', EPOCH_CHANGED, 0), epoch))
      }
    }
  }
}

const EPOCH_CHANGED =
  'The log has a new epoch and may have lost the command. Send it again with the same id: if it was not lost, it is not run again.'
