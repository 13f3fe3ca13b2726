import type { EventBody } from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { deepFreeze } from './deep-freeze.ts'
import { derivedId, hashedId } from './derived-id.ts'
import { type Effect, effectOf, unchanged } from './effect.ts'
import type { EntityRecord } from './entity-record.ts'
import { eventsOf } from './erase.ts'

/** An event of a topic that an entity folds. */
export interface FoldedEvent {
  readonly definition: EntityDefinition
  readonly topic: string
  readonly event: EventBody
  /** When it was stored, ms since 1970 by Redis' clock. */
  readonly storedAt: number
}

/** What an entity decides on an event of a topic. Pure, as far as the application's handlers are. Never throws. */
export function runEvent({ definition, topic, event, storedAt }: FoldedEvent, record: EntityRecord): Effect {
  try {
    const { key } = event
    const { erased } = record
    if (erased !== undefined && storedAt < erased.time) return unchanged(record)
    const id = causeOf(definition, topic, event)
    let ids = 0
    const context = { key, version: eventsOf(record), now: storedAt, id: () => derivedId(id, ids++) }
    const events = definition.on.get(topic)!(record.state, deepFreeze({ ...event, topic }), context)
    if (!Array.isArray(events)) throw new Error(`on[${JSON.stringify(topic)}] returned no list of events`)
    return effectOf(definition, record, { key, id, storedAt, mayRepeat: true }, { events })
  } catch (error) {
    return { kind: 'failed', error }
  }
}

/**
 * What the trail names in place of a command. It follows from what the event is and not from where it lies: where Redis has
 * lost it and it is published again, it is the same.
 */
function causeOf({ name }: EntityDefinition, topic: string, { id, key, time, data }: EventBody): string {
  return `on:${hashedId(name, topic, key, id, time, data)}`
}
