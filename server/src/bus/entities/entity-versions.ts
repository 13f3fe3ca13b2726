import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import type { RedisOf } from '../redis/connection.ts'
import { loadScript, runScript, type Script } from '../redis/script.ts'
import { entityHash } from './entity-name.ts'

const VERSIONS_SCRIPT: Script = loadScript('entity-versions', { allowOom: true })

/** Entities of a config by name. */
export type EntityVersions = ReadonlyMap<string, { readonly version: number }>

/**
 * Compares a config with the data: an older one cannot read what a newer one has stored, and would answer from it all the same.
 *
 * @param isRaised whether what this process stores from now on is of these versions @throws BusMismatch with what to do
 */
export async function checkVersions(redisOf: RedisOf, entities: EntityVersions, isRaised: boolean): Promise<void> {
  const own = [...entities].flatMap(([name, { version }]) => [name, version])
  const args = [isRaised ? '1' : '0', ...own]
  const older = (await runScript(
    redisOf(keys.entityVersions),
    VERSIONS_SCRIPT,
    [keys.entityVersions],
    args,
  )) as string[]
  const lines: string[] = []
  for (let i = 0; i < older.length; i += 2) {
    const name = older[i]!
    const highest = Number(older[i + 1])
    lines.push(
      `The data in Redis are of version ${highest} of entity ${name}; this config has version ${entities.get(name)!.version}, ` +
        `which cannot read them. Start the config of version ${highest} or a later one. To take a change back, undo it in ` +
        `a config with version ${highest + 1}.`,
    )
  }
  if (lines.length > 0) throw new BusMismatch(lines.join('\n'))
}

/** Entities that Redis holds data of and a config does not have. */
export async function missingEntities(
  redisOf: RedisOf,
  entities: EntityVersions,
  partitions: number,
): Promise<string[]> {
  const names = (await redisOf(keys.entityVersions).hkeys(keys.entityVersions)).filter((name) => !entities.has(name))
  const isHeld = async (name: string) => {
    const hashes = Array.from({ length: partitions }, (_, partition) => keys.owned(partition, entityHash(name)))
    return (await Promise.all(hashes.map((hash) => redisOf(hash).exists(hash)))).includes(1)
  }
  const held = await Promise.all(names.map(isHeld))
  return names.filter((_, i) => held[i])
}
