import type { Redis } from './connection.ts'
import { type BusClass, Guard, type GuardOptions } from './guard.ts'
import { keys } from './keys.ts'

/** Whether calls of the class write: a replica, or a Redis whose disk is full, still reads. */
const WRITES: Readonly<Record<BusClass, boolean>> = {
  append: true,
  commit: true,
  jobs: true,
  tail: false,
  query: false,
}
/** Probe writes expire. */
const PROBE_LIFE_MS = 1_000

/** A guard that probes Redis by itself while its breaker is open. The caller closes it. */
export function openGuard(redis: Redis, busClass: BusClass, options: Omit<GuardOptions, 'probe'> = {}): Guard {
  const probe = () => (WRITES[busClass] ? redis.set(keys.probe(busClass), '', 'PX', PROBE_LIFE_MS) : redis.ping())
  return new Guard(busClass, { ...options, probe })
}
