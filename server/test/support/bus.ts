import { Entities } from '../../src/bus/entities/entities.ts'
import { type Bus, type BusSettings, currentHash, openBus } from '../../src/bus/index.ts'
import { keys } from '../../src/bus/keys.ts'
import { BackfillLedger } from '../../src/bus/ledger/backfill-ledger.ts'
import { OwnerLedger } from '../../src/bus/ledger/owner-ledger.ts'
import { Log } from '../../src/bus/log/log.ts'
import { Channel } from '../../src/bus/nodes/channel.ts'
import { type BusClass, Guard } from '../../src/bus/nodes/guard.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'

/** In place of the deadline of an append, which is short because publishers resend. Tests do not, on machines that are busy. */
export const PATIENT_APPEND_MS = 1_000

/** A bus with every channel, on a Redis that this also prepares. The caller closes it. */
export function openTestBus(url: string, partitions: number, changes: Partial<BusSettings> = {}): Promise<Bus> {
  const channels = ['query', 'append', 'commit', 'answers', 'tail', 'jobs', 'replay'] as const
  const deadlinesMs = { append: PATIENT_APPEND_MS }
  return openBus({ url, name: 'test', partitions, channels: [...channels], deadlinesMs, ...changes })
}

/** Logs of one partition over a connection that the test has anyway. */
export function logOf(redis: Redis, partition: number, busClass: BusClass | Guard = 'query'): Log {
  return new Log(partition, channelOf(redis, busClass))
}

export function ledgerOf(
  redis: Redis,
  partition: number,
  busClass: BusClass | Guard = 'commit',
  generation?: () => number,
): OwnerLedger {
  return new OwnerLedger(partition, channelOf(redis, busClass), generation)
}

export function entitiesOf(redis: Redis, partition: number): Entities {
  return new Entities(partition, channelOf(redis, 'query'))
}

export function backfillLedgerOf(redis: Redis, partition: number, window: string): BackfillLedger {
  const channel = channelOf(redis, 'commit')
  return new BackfillLedger(partition, window, channel, channel)
}

/** Where the latest results of a topic lie. */
export function currentKey(partition: number, topic: string): string {
  return keys.owned(partition, currentHash(topic))
}

/** Of those without a guard of their own. Whoever looks at what is stored has nothing else to do: a machine may be busy. */
const PATIENT_MS: Partial<Record<BusClass, number>> = { append: PATIENT_APPEND_MS, query: 30_000 }

function channelOf(redis: Redis, busClass: BusClass | Guard): Channel {
  if (typeof busClass !== 'string') return Channel.over(redis, busClass)
  const deadlineMs = PATIENT_MS[busClass]
  return Channel.over(redis, new Guard(busClass, deadlineMs === undefined ? {} : { deadlineMs }))
}
