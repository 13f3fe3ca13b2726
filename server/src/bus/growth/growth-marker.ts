import type { Redis } from '../connection.ts'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
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

/** Writes the marker together with the format that keeps versions away which do not know of it. */
export async function beginGrowth(redis: Redis, marker: GrowthMarker, format: string): Promise<void> {
  await atOnce(redis, ['set', keys.format, format], ['hset', keys.cluster, FIELD, JSON.stringify(marker)])
}

export async function writeMarker(redis: Redis, marker: GrowthMarker): Promise<void> {
  await redis.hset(keys.cluster, FIELD, JSON.stringify(marker))
}

/** From here on there are as many partitions. */
export async function endGrowth(redis: Redis, { to }: Division): Promise<void> {
  await atOnce(redis, ['hset', keys.cluster, 'partitions', `${to}`], ['hdel', keys.cluster, FIELD])
}

/** As if it had never begun. */
export async function undoGrowth(redis: Redis, { format }: GrowthMarker): Promise<void> {
  const before = format === null ? ['del', keys.format] : ['set', keys.format, format]
  await atOnce(redis, before, ['hdel', keys.cluster, FIELD])
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

async function atOnce(redis: Redis, ...commands: readonly (readonly string[])[]): Promise<void> {
  const replies = await redis.multi(commands.map((command) => [...command])).exec()
  for (const [error] of replies!) if (error !== null) throw error
}
