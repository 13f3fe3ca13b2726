import { Script } from 'node:vm'

/** How long a chunk of handlers may take. They decide and fold; the slowest of honest ones take a few. */
const LIMIT_MS = 100

const BODY = Symbol.for('tidegate.limited')
const call = new Script('globalThis[Symbol.for("tidegate.limited")]()')
const slot = globalThis as { [BODY]?: (() => void) | undefined }

/**
 * Runs code of the application, which may never return. The limit of `vm` ends whatever runs on the thread, wherever it was
 * defined. Setting it takes about a quarter of a millisecond, so it is set for a chunk of handlers.
 *
 * @returns false where it was ended
 */
export function withinTimeLimit(body: () => void, limitMs = LIMIT_MS): boolean {
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
