import { type EventBody, encodeEvent, type StoredEvent } from '../bus/index.ts'

const SUFFIX = '~dead'

/** Log of the events that a topic's own code could not take, internal: not a topic name by grammar. */
export const deadLetterTopic = (topic: string): string => `${topic}${SUFFIX}`

export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(SUFFIX)

/** The event as it was, with why it is here. */
export function deadLetter({ id, key, time, source, data }: EventBody, cause: string): StoredEvent {
  const json = encodeEvent(id, key, time, source, JSON.stringify({ cause, data }))
  return { key, lane: 'low', time, json }
}
