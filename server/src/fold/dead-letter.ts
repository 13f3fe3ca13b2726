import { LIMITS } from '@tidegate/protocol'
import { type EventBody, encodeEvent, type StoredEvent } from '../bus/index.ts'
import { isDeeperThan } from '../data-depth.ts'

const SUFFIX = '~dead'

/** Log of the events that a topic's own code could not take, internal: not a topic name by grammar. */
export const deadLetterTopic = (topic: string): string => `${topic}${SUFFIX}`

export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(SUFFIX)

/** Of data that no gateway takes in: written before there was a bound, or by somebody else. */
export const TOO_DEEP = `data nests deeper than ${LIMITS.dataDepth} and was left out`

export function isTooDeep(data: unknown): boolean {
  return isDeeperThan(data, LIMITS.dataDepth)
}

/** The event as it was, with why it is here. Data that is too deep to be written again is left where it was. */
export function deadLetter({ id, key, time, source, data }: EventBody, cause: string): StoredEvent {
  const kept = isTooDeep(data) ? null : data
  const json = encodeEvent(id, key, time, source, JSON.stringify({ cause, data: kept }))
  return { key, lane: 'low', time, json }
}
