import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { Script } from 'node:vm'

/** How long a chunk of handlers may take. They decide and fold; the slowest of honest ones take a few milliseconds. */
const LIMIT_MS = 100
/** Share of the limit that must have been spent on a CPU for the code to be at fault: more than what else the process does. */
const CPU_SHARE = 0.5
/** Each attempt may take twice as long as the one before: 6 s in all, for a machine that gives the process next to nothing. */
const MAX_ATTEMPTS = 6

const BODY = Symbol.for('tidegate.limited')
const call = new Script('globalThis[Symbol.for("tidegate.limited")]()')
const slot = globalThis as { [BODY]?: (() => void) | undefined }

/**
 * Runs code of the application, which may never return. The limit of `vm` ends whatever runs on the thread, wherever it was
 * defined. It is of wall time, and a process may be put to sleep or get no CPU: code that used next to none is run again.
 * Setting the limit takes about a quarter of a millisecond, so it is set for a chunk of handlers.
 *
 * @param body MUST be one that may be ended anywhere and run again
 * @returns false where it was ended
 */
export function withinTimeLimit(body: () => void): boolean {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = process.cpuUsage()
    if (hasReturned(body, LIMIT_MS * 2 ** attempt)) return true
    const { user, system } = process.cpuUsage(before)
    if ((user + system) / 1_000 >= CPU_SHARE * LIMIT_MS) return false
  }
  return false
}

/** How long folds run: what else the process does has its turn between two parts. */
export const IN_SLICES = { limited: withinTimeLimit, pause: () => yieldToLoop() } as const

function hasReturned(body: () => void, limitMs: number): boolean {
  slot[BODY] = body
  try {
    call.runInThisContext({ timeout: limitMs })
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
    throw error
  } finally {
    slot[BODY] = undefined
  }
}
