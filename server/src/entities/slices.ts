/** What a slice should take: whatever else the process does waits no longer. */
const SLICE_MS = 5
const FIRST_COUNT = 64
/** A slice is at most so many times as large as the one before, which may have been quick by chance. */
const GROWTH = 4

/** Runs code of the application under a time limit, perhaps more than once. @returns false where it was ended */
export type Limited = (body: () => void) => boolean
/** The same, perhaps later, together with others. */
export type LimitedLater = (body: () => void) => boolean | Promise<boolean>

export interface Slicing {
  readonly limited: LimitedLater
  /** Lets whatever else the process does have its turn. */
  readonly pause: () => Promise<unknown>
}

/** How many items fit into a slice, as the slices before have shown. One for items of one kind that come in parts. */
export class SliceSize {
  count = FIRST_COUNT
}

/**
 * Runs code of the application on items, in slices under a time limit. Of a slice that fails, items are run one by one: each
 * has the limit for itself, and those before the one that fails count.
 *
 * @param run MUST be one that may be ended anywhere and run again @param endless the error for an item that does not return
 * @returns the result of every slice, which `run` may build upon for the next one
 * @throws what `run` throws
 */
export async function* inSlices<Item, Result>(
  items: readonly Item[],
  run: (slice: readonly Item[]) => Result,
  endless: (item: Item) => Error,
  { limited, pause }: Slicing,
  size = new SliceSize(),
): AsyncGenerator<Result> {
  let oneByOneUntil = 0
  for (let from = 0; from < items.length; ) {
    if (from > 0) await pause()
    if (from < oneByOneUntil) size.count = 1
    const slice = items.slice(from, from + size.count)
    const startedAt = performance.now()
    const ran = await runSlice(slice, run, limited)
    if (ran.kind === 'done') {
      from += slice.length
      const fitting = Math.floor((size.count * SLICE_MS) / Math.max(0.1, performance.now() - startedAt))
      size.count = Math.max(1, Math.min(size.count * GROWTH, fitting))
      yield ran.result
    } else if (slice.length === 1) {
      throw ran.kind === 'failed' ? ran.error : endless(slice[0]!)
    } else {
      oneByOneUntil = from + slice.length
    }
  }
}

type Ran<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: unknown }

async function runSlice<Item, Result>(
  slice: readonly Item[],
  run: (slice: readonly Item[]) => Result,
  limited: LimitedLater,
): Promise<Ran<Result>> {
  let ran: Ran<Result> = { kind: 'ended' }
  try {
    const isOver = await limited(() => {
      ran = { kind: 'done', result: run(slice) }
    })
    return isOver ? ran : { kind: 'ended' }
  } catch (error) {
    return { kind: 'failed', error }
  }
}
