import type { InputBatch } from './input-batch.ts'
import type { PartitionFold } from './partition-fold.ts'

/** Takes without a commit or release from which on something is believed to kill the partition's owners. */
export const SUSPICIOUS_TAKES = 3
/** Owners an event may end while it is the one being folded: once may be a coincidence. */
const MAX_DEATHS = 2

const CAUSE = 'the worker ended each time it folded this event'

/**
 * Folds a batch that may hold an event that ends the process - one no `catch` sees, such as memory running out. Before
 * each event Redis is told which one comes, so that after the owner's end its successor knows what it died of; an event
 * that ended two owners becomes a dead letter, and only it.
 *
 * @param previous what an earlier owner noted last.
 * @param note stores the note and returns false when the partition is somebody else's.
 * @returns false when `note` did.
 */
export async function foldWithSuspicion(
  fold: PartitionFold,
  batch: InputBatch,
  previous: string,
  note: (suspect: string) => Promise<boolean>,
): Promise<boolean> {
  const [place, deaths] = decode(previous)
  for (const [index, event] of batch.events.entries()) {
    const here = `${batch.topic} ${batch.streamId} ${index}`
    const died = here === place ? deaths : 0
    if (died >= MAX_DEATHS) {
      fold.bury(batch.topic, event, CAUSE)
      continue
    }
    if (!(await note(`${here} ${died + 1}`))) return false
    fold.foldEvent(batch.topic, event)
  }
  fold.finish(batch)
  return true
}

function decode(suspect: string): [place: string, deaths: number] {
  const space = suspect.lastIndexOf(' ')
  return [suspect.slice(0, Math.max(0, space)), Number(suspect.slice(space + 1))]
}
