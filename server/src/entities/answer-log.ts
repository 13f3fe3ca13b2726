import {
  ANSWERS_HASH,
  ANSWERS_TOPIC,
  type CommitOperation,
  encodeEvent,
  type NotedPlaces,
  RecordBatchBuilder,
  type StoredEvent,
} from '../bus/index.ts'
import type { Command, CommandOutcome } from './command.ts'
import { hashedId } from './derived-id.ts'
import { placeOf } from './entity-book.ts'

interface Answer {
  readonly event: StoredEvent
  /** Where it is noted under the id of its command; absent where the same command may be answered in another way. */
  readonly place: { readonly field: string; readonly tag: string } | undefined
}

/** The source of an answer: a look-up by id names an entity, and must not get the answer of another one. */
export function subjectOf(entity: string, key: string): string {
  return hashedId(entity, key)
}

/** Subjects that are kept: a hash costs as much as all else that is done for an answer. */
const MAX_SUBJECTS = 4_096

/** The answers of one commit, in the order in which commands were run. */
export class AnswerLog {
  readonly #subjects = new Map<string, string>()
  #answers: Answer[] = []
  #size = 0

  /** Characters of JSON. */
  get size(): number {
    return this.#size
  }

  /** @param isNoted whether the command has this answer for good */
  add({ id, node, entity, key, checksum, storedAt }: Command, outcome: CommandOutcome, isNoted: boolean): void {
    const json = encodeEvent(id, node, storedAt, this.#subjectOf(entity, key), JSON.stringify(outcome))
    this.#size += json.length
    this.#answers.push({
      event: { key: node, lane: 'normal', time: storedAt, json },
      place: isNoted ? { field: id, tag: checksum } : undefined,
    })
  }

  #subjectOf(entity: string, key: string): string {
    const place = placeOf(entity, key)
    const known = this.#subjects.get(place)
    if (known !== undefined) return known
    const subject = subjectOf(entity, key)
    if (this.#subjects.size >= MAX_SUBJECTS) this.#subjects.clear()
    this.#subjects.set(place, subject)
    return subject
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
  const entries: NotedPlaces['entries'][number][] = []
  for (const [index, { place }] of answers.entries()) {
    if (place !== undefined) entries.push({ field: place.field, tag: place.tag, index })
  }
  const places = { hash: ANSWERS_HASH, entries }
  return { op: 'append', topic: ANSWERS_TOPIC, ...builder.build(), watermark, latest: [], places }
}
