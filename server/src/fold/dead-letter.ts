import { LIMITS } from '@tidegate/protocol'
import { type EventBody, encodeEvent, type StoredEvent } from '../bus/index.ts'
import { isDeeperThan } from '../data-depth.ts'

const SUFFIX = '~dead'

/** Log of events on which a topic's own code failed. Internal: by grammar it is not a topic name. */
export const deadLetterTopic = (topic: string): string => `${topic}${SUFFIX}`

export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(SUFFIX)

/** Reason for data that no gateway accepts: written before there was a bound, or by another program. */
export const TOO_DEEP = `data nests deeper than ${LIMITS.dataDepth} and was left out`

export function isTooDeep(data: unknown): boolean {
  return isDeeperThan(data, LIMITS.dataDepth)
}

/** The unchanged event with its reason. Data too deep to serialize again is left in its log. */
export function deadLetter({ id, key, time, source, data }: EventBody, cause: string): StoredEvent {
  const kept = isTooDeep(data) ? null : data
  const json = encodeEvent(id, key, time, source, JSON.stringify({ cause, data: kept }))
  return { key, lane: 'low', time, json }
}
