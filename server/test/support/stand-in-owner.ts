import { setTimeout as sleep } from 'node:timers/promises'
import {
  ANSWERS_HASH,
  ANSWERS_TOPIC,
  type Bus,
  COMMANDS_TOPIC,
  decodeEvents,
  encodeEvent,
  LOG_START,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import { type Command, type CommandOutcome, commandOf, subjectOf } from '../../src/entities/index.ts'

const POLL_MS = 2

/** What becomes of a command, but for its epoch; `undefined`: it is left without an outcome. */
export type Decide = (command: Command, run: number) => CommandOutcome | undefined

/** Done, with its input as an event. */
export const accept: Decide = ({ input }, run) => ({
  status: 'done',
  version: run,
  epoch: '1',
  events: [{ type: 'accepted', data: input }],
})

/** Owns every partition, reads the commands and answers each id with its first outcome. It folds nothing. */
export class StandInOwner {
  readonly #bus: Bus
  readonly #decide: Decide
  readonly #loops: Promise<void>[]
  readonly #known = new Map<string, { readonly checksum: string; readonly outcome: CommandOutcome }>()
  #closed = false
  /** While it is, commands are left in their log. */
  paused = false
  /** How far its answers say that it lags; `undefined` when nothing waits. */
  lagMs: number | undefined
  /** Ids of the commands run, in order. */
  readonly run: string[] = []
  /** Everything read, repeats too. */
  readonly read: Command[] = []

  constructor(bus: Bus, decide: Decide = accept) {
    this.#bus = bus
    this.#decide = decide
    this.#loops = Array.from({ length: bus.partitions }, (_, partition) => this.#own(partition))
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#loops)
  }

  async #own(partition: number): Promise<void> {
    const log = this.#bus.log(partition, 'query')
    let cursor = LOG_START
    while (!this.#closed) {
      if (this.paused) {
        await sleep(POLL_MS)
        continue
      }
      try {
        const entries = await log.after(new Map([[COMMANDS_TOPIC, cursor]]), 100)
        const answers: { command: Command; outcome: CommandOutcome; isFirst: boolean }[] = []
        for (const entry of entries) {
          for (const event of decodeEvents(entry.payload)) {
            const command = commandOf(event, Number.parseInt(entry.streamId, 10))
            const answer = this.#answer(command)
            if (answer !== undefined) answers.push({ command, ...answer })
          }
        }
        if (answers.length > 0) await this.#append(partition, answers)
        cursor = entries.at(-1)?.streamId ?? cursor
        if (entries.length === 0) await sleep(POLL_MS)
      } catch {
        await sleep(20)
      }
    }
  }

  #answer(command: Command): { outcome: CommandOutcome; isFirst: boolean } | undefined {
    this.read.push(command)
    const { id, checksum } = command
    const known = this.#known.get(id)
    if (known !== undefined) {
      const outcome: CommandOutcome =
        known.checksum === checksum ? known.outcome : { status: 'rejected', code: 'conflict', message: 'conflict' }
      return { outcome, isFirst: false }
    }
    const outcome = this.#decide(command, this.run.length + 1)
    if (outcome === undefined) return undefined
    this.run.push(id)
    this.#known.set(id, { checksum, outcome })
    return { outcome, isFirst: true }
  }

  async #append(
    partition: number,
    answers: readonly { command: Command; outcome: CommandOutcome; isFirst: boolean }[],
  ): Promise<void> {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      answers.map(({ command: { id, node, entity, key }, outcome }) => ({
        key: node,
        lane: 'high' as const,
        time: 1,
        json: encodeEvent(id, node, 1, subjectOf(entity, key), JSON.stringify(outcome)),
      })),
    )
    const entries = answers.flatMap(({ command: { id, checksum }, isFirst }, index) =>
      isFirst ? [{ field: id, tag: checksum, index }] : [],
    )
    const ledger = this.#bus.ledger(partition, 'commit')
    for (;;) {
      const taken = await ledger.take()
      if (taken.status !== 'ok') {
        await sleep(20)
        continue
      }
      const { log, commitSeq, offsets, clocks } = await ledger.head()
      const { token } = taken.ownership
      const reply = await ledger.commit({
        ...{ log, token, commitSeq, commitId: `${Math.random()}`, offsetsBefore: offsets, offsets, clocks },
        operations: [
          {
            op: 'append',
            topic: ANSWERS_TOPIC,
            ...builder.build(),
            watermark: this.lagMs === undefined ? undefined : Date.now() - this.lagMs,
            latest: [],
            ...(entries.length > 0 && { places: { hash: ANSWERS_HASH, entries } }),
          },
        ],
      })
      await ledger.release(token)
      if (reply.status === 'ok') return
    }
  }
}
