import {
  ANSWERS_HASH,
  ANSWERS_TOPIC,
  type CommitOperation,
  encodeEvent,
  RecordBatchBuilder,
  type StoredEvent,
} from '../bus/index.ts'
import type { Command, CommandOutcome } from './command.ts'
import { hashedId } from './derived-id.ts'

interface Answer {
  readonly event: StoredEvent
  /** Where it is noted under the id of its command; absent where the same command may be answered in another way. */
  readonly place: { readonly field: string; readonly tag: string } | undefined
}

/** The source of an answer: a look-up by id names an entity, and must not get the answer of another one. */
export function subjectOf(entity: string, key: string): string {
  return hashedId(entity, key)
}

/** The answers of one commit, in the order in which commands were run. */
export class AnswerLog {
  #answers: Answer[] = []
  #size = 0

  /** Characters of JSON. */
  get size(): number {
    return this.#size
  }

  /** @param isNoted whether the command has this answer for good */
  add({ id, node, entity, key, checksum, storedAt }: Command, outcome: CommandOutcome, isNoted: boolean): void {
    const json = encodeEvent(id, node, storedAt, subjectOf(entity, key), JSON.stringify(outcome))
    this.#size += json.length
    this.#answers.push({
      event: { key: node, lane: 'normal', time: storedAt, json },
      place: isNoted ? { field: id, tag: checksum } : undefined,
    })
  }

  /**
   * Hands over what was collected as operations of a commit and starts anew.
   *
   * @param handledAt when the newest command handled was stored, while others wait
   */
  take(handledAt: number | undefined): CommitOperation[] {
    const operations = RecordBatchBuilder.split(this.#answers).map((answers) => append(answers, handledAt))
    this.#answers = []
    this.#size = 0
    return operations
  }
}

function append(answers: readonly Answer[], watermark: number | undefined): CommitOperation {
  const builder = new RecordBatchBuilder()
  builder.addSlice(answers.map(({ event }) => event))
  const entries = answers.flatMap(({ place }, index) => (place === undefined ? [] : [{ ...place, index }]))
  const places = { hash: ANSWERS_HASH, entries }
  return { op: 'append', topic: ANSWERS_TOPIC, ...builder.build(), watermark, latest: [], places }
}
