import { isSampled, LIMITS } from '@tidegate/protocol'
import { type EventBody, encodeEvent, type StoredEvent, traceMembers } from './record-batch.ts'

const SUFFIX = '~dead'

/** Log of events on which a topic's own code failed. Internal: by grammar it is not a topic name. */
export const deadLetterTopic = (topic: string): string => `${topic}${SUFFIX}`

export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(SUFFIX)

/** The topic whose code failed on the events of such a log; where an entity failed, the one that it folds. `undefined` of another log. */
export function originOfDeadLetters(topic: string): string | undefined {
  if (!isDeadLetterTopic(topic)) return undefined
  const name = topic.slice(0, -SUFFIX.length)
  return name.slice(name.indexOf('/') + 1)
}

/** Whose dead letters the events of a topic are on which an entity failed. By grammar it is not a topic name. */
export const foldedName = (entity: string, topic: string): string => `${entity}/${topic}`

/** Cause of a letter without data: no gateway accepts them, so they were written before there was a bound, or by another program. */
export const LETTER_TOO_DEEP = `data nests deeper than ${LIMITS.dataDepth} and was left out`

/** What takes the place of an event's data in its dead letter. */
export interface LetterData {
  readonly cause: string
  readonly data: unknown
  /** `streamId.index` where the letter lay first; absent of one that still lies there. */
  readonly origin?: string
}

export function encodeLetter(event: EventBody, letter: LetterData): StoredEvent {
  const { id, key, time, source } = event
  const json = encodeEvent(id, key, time, source, JSON.stringify(letter), traceMembers(event))
  return { key, lane: 'low', time, json, isSampled: isSampled(event) }
}
