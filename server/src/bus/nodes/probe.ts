import type { Redis } from '../redis/connection.ts'
import { confirmedBy } from '../redis/replicas.ts'
import { type BusClass, Guard, type GuardOptions } from './guard.ts'

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

interface ProbeOptions extends Omit<GuardOptions, 'probe'> {
  /** Those that must have what an append writes. */
  readonly replicas?: number
  /** The key that a probe writes. */
  readonly probedKey: () => string
}

/** A guard that probes Redis by itself while its breaker is open. The caller closes it. */
export function openGuard(
  redis: Redis,
  busClass: BusClass,
  { replicas = 0, probedKey, ...options }: ProbeOptions,
): Guard {
  const write = async () => {
    await redis.set(probedKey(), '', 'PX', PROBE_LIFE_MS)
    if (busClass === 'append') await confirmedBy(redis, replicas)
  }
  return new Guard(busClass, { ...options, probe: () => (WRITES[busClass] ? write() : redis.ping()) })
}
