import { storedPartitions } from '../contract/topology.ts'
import { BusMismatch } from '../errors.ts'
import { keys } from '../keys.ts'
import { newEpoch } from '../log/lineage.ts'
import { openCommandConnection, type Redis, untilReady } from '../redis/connection.ts'
import { parseInfo } from '../redis/redis-fitness.ts'

/** What a snapshot held of Tidegate. */
export interface RestoredData {
  readonly partitions: number
  /** Keys, those of others in the same database too. */
  readonly keys: number
}

const CONNECT_MS = 5_000

/**
 * Makes what a Redis of our own has loaded from a snapshot the data of a deployment: in database 0, wherever it was, and
 * under another epoch in every partition. Nobody can prove by the entries it knows that nothing came after the snapshot:
 * who read all of it would be told of no loss, and an entry that is stored next could have the position of a lost one.
 *
 * @param database where the data is, if there is some in several
 * @throws BusMismatch
 */
export async function beginAnew(url: string, database: number | undefined): Promise<RestoredData> {
  const redis = openCommandConnection(url, 'restore')
  try {
    await untilReady(redis, CONNECT_MS)
    const found = await databasesOf(redis)
    const [first, ...others] = database === undefined ? found : found.filter((one) => one === database)
    if (first === undefined) throw new BusMismatch(`The backup holds no data of Tidegate${inDatabase(database)}.`)
    if (others.length > 0) {
      throw new BusMismatch(
        `The backup holds data of Tidegate in the databases ${found.join(', ')}: choose one with --database.`,
      )
    }
    await redis.select(0)
    if (first !== 0) await redis.swapdb(0, first)
    const partitions = (await storedPartitions(redis))!
    for (let partition = 0; partition < partitions; partition++) {
      if ((await redis.exists(keys.meta(partition))) === 0)
        throw new BusMismatch(`The backup is not whole: partition ${partition} is missing.`)
      await redis.hset(keys.meta(partition), 'epoch', newEpoch())
    }
    return { partitions, keys: await redis.dbsize() }
  } finally {
    redis.disconnect()
  }
}

async function databasesOf(redis: Redis): Promise<number[]> {
  const numbers = [...parseInfo(await redis.info('keyspace')).keys()].map((name) => Number(/^db(\d+)$/.exec(name)?.[1]))
  const found: number[] = []
  for (const number of numbers.filter((one) => !Number.isNaN(one))) {
    await redis.select(number)
    if ((await storedPartitions(redis)) !== undefined) found.push(number)
  }
  return found
}

const inDatabase = (database: number | undefined) => (database === undefined ? '' : ` in database ${database}`)
