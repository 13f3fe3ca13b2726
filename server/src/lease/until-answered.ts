import { setTimeout as pause } from 'node:timers/promises'
import { BusUnavailable } from '../bus/index.ts'

/** A breaker lets a probe through after 400 ms: retrying more often than this finds out nothing. */
const RETRY_MS = 100

/** The caller no longer wants the answer. */
export class Abandoned extends Error {}

/** The wait between two looks at Redis. */
export const beforeRetry = (): Promise<void> => pause(RETRY_MS)

/**
 * Makes a call until Redis answers it. The call MUST be repeatable.
 *
 * @throws Abandoned once `isOver`; any other error of the call but BusUnavailable.
 */
export async function untilAnswered<T>(call: () => Promise<T>, isOver: () => boolean): Promise<T> {
  for (;;) {
    if (isOver()) throw new Abandoned()
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error
      await beforeRetry()
    }
  }
}
