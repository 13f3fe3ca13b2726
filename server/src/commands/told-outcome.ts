import type { Entities } from '../bus/index.ts'
import { type CommandOutcome, decodeRecord, isAnswerOfBefore, rejection } from '../entities/index.ts'

/** Records that are loaded at a time: each may have 64 KiB. */
const PAGE = 64

/** An outcome that was looked up, and the entity of its command. */
export interface FoundOutcome {
  readonly entity: string
  readonly key: string
  readonly outcome: CommandOutcome
}

/**
 * What may be told of outcomes that were looked up: nothing of those from before their entity was erased. Every look-up MUST
 * go through this.
 *
 * @throws BusUnavailable
 */
export async function* toldOutcomes<Found extends FoundOutcome>(
  entities: Entities,
  found: readonly Found[],
): AsyncGenerator<Found> {
  for (const entity of new Set(found.map((one) => one.entity))) {
    const ofEntity = found.filter((one) => one.entity === entity)
    for (let from = 0; from < ofEntity.length; from += PAGE) {
      const page = ofEntity.slice(from, from + PAGE)
      const stored = await entities.load(
        entity,
        page.map(({ key }) => key),
      )
      for (const [i, one] of page.entries()) {
        const { record } = stored[i]!
        const erased = record === undefined ? undefined : decodeRecord(record).erased
        yield isAnswerOfBefore(one.outcome, erased) ? { ...one, outcome: rejection('erased') } : one
      }
    }
  }
}
