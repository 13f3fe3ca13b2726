import { comparePositions, type Lane, type Position } from '@tidegate/protocol'
import type { Redis } from '../../../server/src/bus/index.ts'
import {
  decodeEvents,
  decodeHeader,
  keys,
  type LogEntry,
  readRange,
  refusedEvents,
} from '../../../server/src/bus/index.ts'
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

const PAGE_ENTRIES = 1_000

/** Everything the logs of some topics hold, by partition in log order. */
export async function readLog(redis: Redis, topics: readonly string[]): Promise<LoggedEvent[]> {
  const logged: LoggedEvent[] = []
  for (const topic of topics) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for await (const entry of entriesOf(redis, partition, topic)) logged.push(...eventsOf(entry, partition))
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

async function* entriesOf(redis: Redis, partition: number, topic: string): AsyncIterable<LogEntry> {
  let from = '-'
  for (;;) {
    const page = await readRange(redis, partition, topic, from, '+', PAGE_ENTRIES)
    yield* page
    if (page.length < PAGE_ENTRIES) return
    from = `(${page.at(-1)!.streamId}`
  }
}

function eventsOf({ topic, header, payload, refused, epoch, streamId }: LogEntry, partition: number): LoggedEvent[] {
  const { lanes } = decodeHeader(header)
  const refusedOnes = refusedEvents(decodeHeader(header), refused)
  return decodeEvents(payload).flatMap(({ key, data }, index) => {
    if (refusedOnes.has(index)) return []
    const { group, n } = data as FuzzData
    return [{ topic, lane: lanes[index]!, at: { partition, epoch, streamId, index }, key, group, n }]
  })
}
