import { COMMAND_CODES } from '@tidegate/protocol'
import { ANSWERS_TOPIC, type Bus, decodeEvents } from '../bus/index.ts'
import type { CommandOutcome } from '../entities/index.ts'
import { refuse } from './command-request.ts'
import { answerOf } from './own-answers.ts'

/** Batches read at a time: each may have 64 KiB and more. */
const CONCURRENT_READS = 8

/** The first outcome of a command. */
export interface StoredOutcome {
  readonly id: string
  /** Of the command that it is the outcome of. */
  readonly checksum: string
  readonly outcome: CommandOutcome
}

/**
 * Looks up which of some commands of a partition have an outcome.
 *
 * @param onFound called for each that has
 * @returns ids of the others
 * @throws BusUnavailable
 */
export async function findOutcomes(
  bus: Bus,
  partition: number,
  ids: readonly string[],
  onFound: (stored: StoredOutcome) => void,
): Promise<ReadonlySet<string>> {
  const places = await bus.entities(partition, 'query').answers(ids)
  const missing = new Set<string>()
  /** By batch that has it. */
  const wanted = new Map<string, { id: string; checksum: string; index: number }[]>()
  for (const [i, id] of ids.entries()) {
    const place = places[i]
    if (place === undefined) missing.add(id)
    else {
      const { streamId, tag: checksum, index } = place
      const ofBatch = wanted.get(streamId)
      if (ofBatch === undefined) wanted.set(streamId, [{ id, checksum, index }])
      else ofBatch.push({ id, checksum, index })
    }
  }
  const log = bus.log(partition, 'query')
  const batches = [...wanted]
  const readNext = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      const [streamId, answers] = batch
      const [entry] = await log.range(ANSWERS_TOPIC, streamId, streamId, 1)
      const events = entry === undefined ? [] : decodeEvents(entry.payload)
      for (const { id, checksum, index } of answers) {
        const event = events[index]
        onFound({ id, checksum, outcome: event === undefined ? TRIMMED : answerOf(event).outcome })
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readNext))
  return missing
}

/** It was answered, and its answer is no longer in the log. */
const TRIMMED = refuse('outcome_unknown', COMMAND_CODES.outcome_unknown)
