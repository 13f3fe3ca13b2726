import { isSampled, LIMITS } from '@tidegate/protocol'
import { COMMANDS_TOPIC, type EventBody, encodeEvent, type StoredEvent, traceMembers } from '../bus/index.ts'
import type { Contract } from '../config/model.ts'
import { isDeeperThan } from '../data-depth.ts'
import type { Command } from '../entities/index.ts'

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

/** Whose code may fail on an event: of topics, of entities that fold one, and of commands. */
export function deadLetterNames({ topics, entities }: Contract): string[] {
  const folded = [...entities.values()].flatMap(({ name, on }) =>
    [...on.keys()].map((topic) => foldedName(name, topic)),
  )
  const failing = [...topics.values()].filter(({ kind }) => kind !== 'late').map(({ name }) => name)
  return [...failing, ...folded, ...(entities.size > 0 ? [COMMANDS_TOPIC] : [])]
}

/** Reason for data that no gateway accepts: written before there was a bound, or by another program. */
export const TOO_DEEP = `data nests deeper than ${LIMITS.dataDepth} and was left out`

export function isTooDeep(data: unknown): boolean {
  return isDeeperThan(data, LIMITS.dataDepth)
}

/** The unchanged event with its reason. Data too deep to serialize again is left in its log. */
export function deadLetter(event: EventBody, cause: string): StoredEvent {
  const { id, key, time, source, data } = event
  const kept = isTooDeep(data) ? null : data
  const json = encodeEvent(id, key, time, source, JSON.stringify({ cause, data: kept }), traceMembers(event))
  return { key, lane: 'low', time, json, isSampled: isSampled(event) }
}

/** What the dead letter of a command holds: which one it was. Its input may be what the entity's `view` leaves out. */
export function withoutInput({ id, key, storedAt, entity, command }: Command): EventBody {
  return { id, key, time: storedAt, data: { entity, command } }
}
