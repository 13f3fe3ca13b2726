import type { Redis } from './connection.ts'
import type { Guard } from './guard.ts'
import { CANARY_TOPIC, keys } from './keys.ts'
import type { Lineage } from './lineage.ts'
import { loadScript, runScript, type Script } from './script.ts'

/** How old the newest canary of a partition becomes at most, ms, while somebody sends them. */
export const CANARY_EVERY_MS = 500

const SCRIPT: Script = loadScript('canary', { include: ['lineage'] })

export type CanaryReply =
  | { readonly status: 'ok'; readonly epoch: string; readonly lineage: string }
  | ({ readonly status: 'lineage' } & Lineage)

/**
 * Adds an entry to the partition's canary log, as an append would be, unless there is a new one: tails that do not see one
 * for long know that nothing comes through.
 *
 * @param proved lineage that this process has proved, '' for none yet
 * @throws BusUnavailable, BusFull
 */
export async function sendCanary(redis: Redis, guard: Guard, partition: number, proved: string): Promise<CanaryReply> {
  const scriptKeys = [keys.meta(partition), keys.log(partition, CANARY_TOPIC)]
  // A little less, for timers that are early.
  const reply = (await guard.run(() => runScript(redis, SCRIPT, scriptKeys, [proved, CANARY_EVERY_MS * 0.9]))) as
    | ['OK', epoch: string, lineage: string]
    | ['LINEAGE', stored: string, current: string, epoch: string]
  if (reply[0] === 'OK') return { status: 'ok', epoch: reply[1], lineage: reply[2] }
  return { status: 'lineage', stored: reply[1], current: reply[2], epoch: reply[3] }
}
