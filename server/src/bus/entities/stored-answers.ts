import { formatPosition } from '@tidegate/protocol'
import { decodeEvents, type EventBody } from '../batch/record-batch.ts'
import { CorruptBatch } from '../errors.ts'
import { ANSWERS_TOPIC } from '../keys.ts'
import type { Log } from '../log/log.ts'
import type { LogEntry } from '../log/log-entry.ts'
import type { Entities } from './entities.ts'

/** Batches read at a time: each may have 64 KiB and more. */
const CONCURRENT_READS = 8

/** The answer to a command as it was noted. */
export interface StoredAnswer {
  readonly id: string
  readonly tag: string
  /** Absent where it is no longer in the log, or cannot be read. */
  readonly event: EventBody | undefined
  /** Where that lies. */
  readonly position: string | undefined
}

/**
 * Looks up which of some commands of a partition were answered.
 *
 * @param onFound called for each that was
 * @returns ids of the others
 * @throws BusUnavailable
 */
export async function findAnswers(
  entities: Entities,
  log: Log,
  ids: readonly string[],
  onFound: (answer: StoredAnswer) => void,
): Promise<ReadonlySet<string>> {
  const missing = new Set<string>()
  if (ids.length === 0) return missing
  const places = await entities.answers(ids)
  /** By batch that has it. */
  const wanted = new Map<string, { id: string; tag: string; index: number }[]>()
  for (const [i, id] of ids.entries()) {
    const place = places[i]
    if (place === undefined) missing.add(id)
    else {
      const { streamId, tag, index } = place
      const ofBatch = wanted.get(streamId)
      if (ofBatch === undefined) wanted.set(streamId, [{ id, tag, index }])
      else ofBatch.push({ id, tag, index })
    }
  }
  const batches = [...wanted]
  const readNext = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      const [streamId, answers] = batch
      const [entry] = await log.range(ANSWERS_TOPIC, streamId, streamId, 1)
      const events = entry === undefined ? [] : readable(entry)
      for (const { id, tag, index } of answers) {
        const position = entry && formatPosition({ partition: log.partition, epoch: entry.epoch, streamId, index })
        onFound({ id, tag, event: events[index], position })
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readNext))
  return missing
}

function readable({ payload }: LogEntry): readonly EventBody[] {
  try {
    return decodeEvents(payload)
  } catch (error) {
    if (error instanceof CorruptBatch) return []
    throw error
  }
}
