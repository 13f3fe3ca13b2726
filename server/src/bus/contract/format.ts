import { version } from '../../package-files.ts'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import type { Redis } from '../redis/connection.ts'

/**
 * The format of what this version stores at first. It is raised by a change that an earlier version would misread; keys and
 * fields that earlier versions pass over raise nothing. Data without one are of the first.
 */
export const FORMAT = 1
/** The format of data whose partitions were divided, and the latest that this version reads: positions have ancestors. */
export const GROWN_FORMAT = 2

/** Refuses data of a format that this version does not know. @throws BusMismatch */
export async function checkFormat(redis: Redis): Promise<void> {
  const stored = await redis.get(keys.format)
  if (stored === null) return
  const [format, by] = stored.split(' ')
  if (/^\d+$/.test(format!) && Number(format) >= 1 && Number(format) <= GROWN_FORMAT) return
  throw new BusMismatch(
    `The data in Redis are of format ${format}${by === undefined ? '' : `, which Tidegate ${by} brought`}; this is Tidegate ` +
      `${version()}, which reads formats up to ${GROWN_FORMAT}. Start the version that wrote them, or a later one (docs/upgrading.md).`,
  )
}

/** The same, and notes the format where the data have none. @throws BusMismatch */
export async function openFormat(redis: Redis): Promise<void> {
  // Asked first: a full Redis refuses the write, and has to be started on.
  if ((await redis.exists(keys.format)) === 0) await redis.set(keys.format, `${FORMAT} ${version()}`, 'NX')
  await checkFormat(redis)
}
