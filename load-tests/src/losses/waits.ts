import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 25

/** However much comes meanwhile. */
const LAST_DEADLINE_MS = 120_000

/**
 * Waits until nothing is missing, as long as something comes: a busy machine is slow, and nothing else.
 *
 * @param missing what is, in words
 * @throws with what still is, after so long without a change
 */
export async function untilNothing(
  stillMs: number,
  missing: () => readonly string[] | Promise<readonly string[]>,
): Promise<void> {
  const lastDeadline = performance.now() + LAST_DEADLINE_MS
  let before: string | undefined
  for (let deadline = 0; ; await sleep(POLL_MS)) {
    const still = (await missing()).join('; ')
    if (still === '') return
    if (still !== before) deadline = performance.now() + stillMs
    before = still
    if (performance.now() > Math.min(deadline, lastDeadline)) {
      throw new Error(`still waiting, for ${stillMs} ms without a change, for ${still}`)
    }
  }
}

/** @throws with what was waited for, after so long */
export async function within<Value>(deadlineMs: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still waiting after ${deadlineMs} ms for ${what}`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
