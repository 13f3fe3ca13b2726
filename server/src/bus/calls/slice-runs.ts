import { type AppendRequest, NO_BATCH } from './append-request.ts'

type Slice = AppendRequest['slices'][number]

/** Slices, by their indexes in the call, that are judged as one. */
export type SliceRun = readonly [first: number, ...others: number[]]

/**
 * Slices of a call that are judged as one, in the order of the first slice of each. Those that continue each other: first attempts
 * of one producer in a named sequence, each behind the one before, with nothing refused. They are new, all of them, if the first
 * is: no other slice can come between, and a named sequence keeps only the checksum of its newest slice. And those of one batch
 * without a producer, under the same epoch: nothing else is asked of them.
 */
export function sliceRuns(slices: readonly Slice[]): SliceRun[] {
  const runs: [number, ...number[]][] = []
  const openRuns = new Map<string, [number, ...number[]]>()
  let anonymous: [number, ...number[]] | undefined
  for (const [i, slice] of slices.entries()) {
    const producer = slice.identity?.producer
    const open = producer === undefined ? anonymous : openRuns.get(producer)
    if (open !== undefined && continues(slices[open.at(-1)!]!, slice)) {
      open.push(i)
      continue
    }
    const run: [number] = [i]
    runs.push(run)
    if (producer === undefined) anonymous = run
    else openRuns.set(producer, run)
  }
  return runs
}

export function singly(slices: readonly Slice[]): SliceRun[] {
  return slices.map((_, i) => [i])
}

function continues(before: Slice, slice: Slice): boolean {
  if (before.batch === NO_BATCH || before.batch !== slice.batch) return false
  const [a, b] = [before.identity, slice.identity]
  if (a === undefined || b === undefined) return a === b && before.epoch === slice.epoch
  if (b.sequence === undefined || b.previous !== a.seq || b.seq <= a.seq) return false
  const isSame = a.sequence === b.sequence && a.session === b.session && a.epoch === b.epoch
  return isSame && isPlain(a) && isPlain(b)
}

/** A first attempt of which everything is stored. */
const isPlain = ({ ageMs, refused }: NonNullable<Slice['identity']>) => ageMs === undefined && !refused
