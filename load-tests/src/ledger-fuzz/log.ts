import { comparePositions, type Lane, type Position } from '@tidegate/protocol'
import { keys } from '../../../server/src/bus/keys.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { readStoredEvents } from '../support/stored-events.ts'
import { PARTITIONS } from './deployment.ts'
import type { Schedule } from './schedule.ts'

export interface FuzzData {
  readonly key: string
  readonly lane: Lane
  readonly group: number
  /** Counts the events of a run, in the order in which they are published. */
  readonly n: number
  readonly pad: string
}

/** One event as it lies in the log. */
export interface LoggedEvent {
  readonly topic: string
  readonly lane: Lane
  readonly at: Position
  readonly key: string
  readonly group: number
  readonly n: number
}

/** Everything the logs of some topics hold, by partition in log order. */
export async function readLog(redis: Redis, topics: readonly string[]): Promise<LoggedEvent[]> {
  const logged: LoggedEvent[] = []
  for (const topic of topics) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (const { at, lane, body } of await readStoredEvents(redis, partition, topic)) {
        const { group, n } = body.data as FuzzData
        logged.push({ topic, lane, at, key: body.key, group, n })
      }
    }
  }
  return logged
}

/** Empties the logs of some topics. Nothing may read them any more. */
export async function emptyLog(redis: Redis, topics: readonly string[]): Promise<void> {
  const all = topics.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, p) => keys.log(p, topic)))
  await Promise.all(all.map((key) => redis.call('XTRIM', key, 'MAXLEN', 0)))
}

/** Whether a subscription of the schedule matches an event. */
export function matches({ options }: Pick<Schedule, 'options'>, { lane, key, group }: LoggedEvent): boolean {
  const { lanes, keys: wanted, where } = options
  return (lanes?.includes(lane) ?? true) && (wanted?.includes(key) ?? true) && (where === undefined || group < 2)
}

export const isBeyond = (at: Position, than: Position): boolean =>
  at.epoch === than.epoch && comparePositions(at, than) > 0
