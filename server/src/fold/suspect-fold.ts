import { COMMANDS_TOPIC, type Refusal } from '../bus/index.ts'
import type { PlacedCommand } from './command-offset.ts'
import type { InputBatch } from './input-batch.ts'
import type { PartitionFold } from './partition-fold.ts'

/** From this many takes on that a commit or release has not ended, something is believed to kill the partition's owners. */
export const SUSPICIOUS_TAKES = 3
/** How many owners may end while an event is being folded: once may be a coincidence. */
const MAX_DEATHS = 2

const CAUSE = 'the worker ended each time it folded this'

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
  note: Note,
): Promise<Refusal | undefined> {
  const suspects = batch.events.map((event, index) => ({
    place: `${batch.topic} ${batch.streamId} ${index}`,
    fold: () => fold.foldEvent(batch, event),
    bury: () => fold.bury(batch.topic, event, CAUSE),
  }))
  const refusal = await foldOneByOne(suspects, previous, note)
  if (refusal === undefined) fold.finish(batch)
  return refusal
}

/** The same of a command whose needs are loaded: one that ended two owners is answered `handler_failed`. */
export function foldCommandWithSuspicion(
  fold: PartitionFold,
  placed: PlacedCommand,
  previous: string,
  note: Note,
): Promise<Refusal | undefined> {
  const suspect = {
    place: `${COMMANDS_TOPIC} ${placed.offset}`,
    fold: () => void fold.foldCommands([placed]),
    bury: () => fold.buryCommand(placed.command, placed.offset, CAUSE),
  }
  return foldOneByOne([suspect], previous, note)
}

type Note = (suspect: string) => Promise<Refusal | undefined>

/** What may end the process. */
interface Suspect {
  /** Where it lies in its log. */
  readonly place: string
  fold(): void
  bury(): void
}

async function foldOneByOne(suspects: readonly Suspect[], previous: string, note: Note): Promise<Refusal | undefined> {
  const [place, deaths] = decode(previous)
  for (const suspect of suspects) {
    const died = suspect.place === place ? deaths : 0
    if (died >= MAX_DEATHS) {
      suspect.bury()
      continue
    }
    const refusal = await note(`${suspect.place} ${died + 1}`)
    if (refusal !== undefined) return refusal
    suspect.fold()
  }
  return undefined
}

function decode(suspect: string): [place: string, deaths: number] {
  const space = suspect.lastIndexOf(' ')
  return [suspect.slice(0, Math.max(0, space)), Number(suspect.slice(space + 1))]
}
