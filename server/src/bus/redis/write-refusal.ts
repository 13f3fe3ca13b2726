import { withDeadline } from '../deadline.ts'
import { COMMAND_DEADLINE_MS, type Redis } from './connection.ts'
import { isForbidden, isOutage } from './outage.ts'
import { loadScript, runScript, type Script } from './script.ts'

const MAY_WRITE_SCRIPT: Script = loadScript('may-write', { allowOom: true })

/** It answers what reads. */
export const HOLDS_WRITES = 'it holds writes back'

/**
 * Why a Redis that answers takes no writes, as it says it, or `HOLDS_WRITES`; `undefined` where it takes them, or may not be asked.
 * Writes nothing. MUST be the last call over its connection: one that is held back keeps those behind it waiting.
 */
export async function writeRefusal(redis: Redis): Promise<string | undefined> {
  try {
    await withDeadline(COMMAND_DEADLINE_MS, runScript(redis, MAY_WRITE_SCRIPT, [], []))
    return undefined
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') {
      return isForbidden(error) || /unknown command/.test(error.message) ? undefined : error.message
    }
    if (isOutage(error)) return HOLDS_WRITES
    throw error
  }
}
