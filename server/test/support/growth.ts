/** Sizes that are compared; at the larger one, work that grows with the square shows in any measurement. */
const SMALL = 512
const FACTOR = 16
/** What is quicker is not measured well, and of no concern. */
const QUICK_MS = 8
/** How much more than in proportion the larger one may take: a cache that it no longer fits into, a collection of garbage. */
const SLACK = 4
/** What else the process and the machine do only adds to a measurement: one that is within the limit proves it. */
const TRIES = 5

/**
 * Runs a call on an input of a size and of sixteen times that.
 *
 * @param prepare makes the input, which does not count
 * @returns what is wrong, or nothing
 */
export function growsTooFast(prepare: (size: number) => () => unknown): string | undefined {
  let found: string | undefined
  for (let tried = 0; tried < TRIES; tried++) {
    found = measured(prepare)
    if (found === undefined) return undefined
  }
  return found
}

function measured(prepare: (size: number) => () => unknown): string | undefined {
  const large = cpuMs(prepare(SMALL * FACTOR))
  if (large < QUICK_MS) return undefined
  const small = Math.max(cpuMs(prepare(SMALL)), QUICK_MS / FACTOR)
  return large < small * FACTOR * SLACK ? undefined : `${small} ms for ${SMALL}, ${large} ms for ${FACTOR} times that`
}

/** CPU time, of which the least of three calls counts: what else the machine does is no matter. */
function cpuMs(call: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 3 && least > 1; i++) {
    const before = process.cpuUsage()
    call()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}
