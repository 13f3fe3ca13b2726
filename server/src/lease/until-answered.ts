import { setTimeout as pause } from 'node:timers/promises'
import { BusUnavailable } from '../bus/index.ts'

/** A breaker lets a probe through after 400 ms: trying more often than this finds nothing out. */
const RETRY_MS = 100

/** The caller no longer wants the answer. */
export class Abandoned extends Error {}

/** Between two looks at what Redis, or somebody else, has yet to do. */
export const beforeRetry = (): Promise<void> => pause(RETRY_MS)

/**
 * Makes a call until Redis answers it. The call MUST be one that may run twice.
 *
 * @throws Abandoned once `isOver`; whatever else the call throws than BusUnavailable.
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
