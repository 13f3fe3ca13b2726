import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'
import type { Masters } from '../redis/masters.ts'
import type { Division } from './division.ts'

/**
 * How far a growth has come. `copying`: the partitions that are there hold everything, and those that are made are not
 * complete. `clearing`: all are complete, what they replace is removed. `placing`: they take their places.
 */
export interface GrowthMarker extends Division {
  readonly phase: 'copying' | 'clearing' | 'placing'
  /** The format of the data before, as it is stored; `null` for none. */
  readonly format: string | null
}

const FIELD = 'growth'

/** `undefined` while the number of partitions does not change. */
export async function readMarker(redis: Redis): Promise<GrowthMarker | undefined> {
  const text = await redis.hget(keys.cluster, FIELD)
  return text === null ? undefined : (JSON.parse(text) as GrowthMarker)
}

/**
 * Writes the marker, then the format that keeps versions away which do not know of it. They may lie on different Redis: done
 * again, it continues.
 */
export async function beginGrowth(masters: Masters, marker: GrowthMarker, format: string): Promise<void> {
  await writeMarker(masters, marker)
  await masters.of(keys.format).set(keys.format, format)
}

export async function writeMarker(masters: Masters, marker: GrowthMarker): Promise<void> {
  await masters.of(keys.cluster).hset(keys.cluster, FIELD, JSON.stringify(marker))
}

/** From here on there are as many partitions. */
export async function endGrowth(masters: Masters, { to }: Division): Promise<void> {
  const changes = masters.of(keys.cluster).multi().hset(keys.cluster, 'partitions', `${to}`).hdel(keys.cluster, FIELD)
  for (const [error] of (await changes.exec())!) if (error !== null) throw error
}

/** As if it had never begun. Done again, it continues. */
export async function undoGrowth(masters: Masters, { format }: GrowthMarker): Promise<void> {
  const redis = masters.of(keys.format)
  await (format === null ? redis.del(keys.format) : redis.set(keys.format, format))
  await masters.of(keys.cluster).hdel(keys.cluster, FIELD)
}

/** Refuses whoever would read or write data between two numbers of partitions. @throws BusMismatch */
export async function refuseWhileGrowing(redis: Redis): Promise<void> {
  const marker = await readMarker(redis)
  if (marker === undefined) return
  const { from, to, phase } = marker
  throw new BusMismatch(
    `The ${from} partitions of this data are being divided into ${to}, which has not come to its end. If nobody is at it, run ` +
      `\`tidegate partitions grow ${to}\` to finish it${phase === 'copying' ? ', or add --abort to leave the data as they were' : ''}.`,
  )
}
