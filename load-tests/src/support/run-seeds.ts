/** Seeds that follow each other. */
export interface Seeds {
  readonly first: number
  readonly count: number
  /** At most so many runs at a time. */
  readonly parallel: number
}

/** Runs each seed once. @param run `slot`: runs at the same time have different ones, from 0 on */
export async function runSeeds(
  { first, count, parallel }: Seeds,
  run: (seed: number, slot: number) => Promise<void>,
): Promise<void> {
  let next = first
  const runInTurn = async (slot: number) => {
    while (next < first + count) await run(next++, slot)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, (_, slot) => runInTurn(slot)))
}
