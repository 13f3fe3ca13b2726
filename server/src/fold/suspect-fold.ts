import type { Refusal } from '../bus/index.ts'
import type { InputBatch } from './input-batch.ts'
import type { PartitionFold } from './partition-fold.ts'

/** From this many takes without a commit or release on, something is believed to kill the partition's owners. */
export const SUSPICIOUS_TAKES = 3
/** How many owners may end while an event is being folded: once may be a coincidence. */
const MAX_DEATHS = 2

const CAUSE = 'the worker ended each time it folded this event'

/**
 * Folds a batch that may hold an event that ends the process in a way no `catch` sees, such as running out of memory.
 * Before each event its identity is noted in Redis, so that the owner's successor knows which event killed it; an event
 * that ended two owners becomes a dead letter, and no other.
 *
 * @param previous the last note of an earlier owner.
 * @param note stores the note, or returns why it was refused.
 * @returns why the note was refused, if so.
 */
export async function foldWithSuspicion(
  fold: PartitionFold,
  batch: InputBatch,
  previous: string,
  note: (suspect: string) => Promise<Refusal | undefined>,
): Promise<Refusal | undefined> {
  const [place, deaths] = decode(previous)
  for (const [index, event] of batch.events.entries()) {
    const here = `${batch.topic} ${batch.streamId} ${index}`
    const died = here === place ? deaths : 0
    if (died >= MAX_DEATHS) {
      fold.bury(batch.topic, event, CAUSE)
      continue
    }
    const refusal = await note(`${here} ${died + 1}`)
    if (refusal !== undefined) return refusal
    fold.foldEvent(batch.topic, event)
  }
  fold.finish(batch)
  return undefined
}

function decode(suspect: string): [place: string, deaths: number] {
  const space = suspect.lastIndexOf(' ')
  return [suspect.slice(0, Math.max(0, space)), Number(suspect.slice(space + 1))]
}
