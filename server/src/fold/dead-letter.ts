import { LIMITS } from '@tidegate/protocol'
import { type EventBody, encodeLetter, type StoredEvent } from '../bus/index.ts'
import { isDeeperThan } from '../data-depth.ts'
import type { Command } from '../entities/index.ts'

export function isTooDeep(data: unknown): boolean {
  return isDeeperThan(data, LIMITS.dataDepth)
}

/** The unchanged event with its reason. Data too deep to serialize again is left in its log. */
export function deadLetter(event: EventBody, cause: string): StoredEvent {
  return encodeLetter(event, { cause, data: isTooDeep(event.data) ? null : event.data })
}

/** What the dead letter of a command holds: which one it was. Its input may be what the entity's `view` leaves out. */
export function withoutInput({ id, key, storedAt, entity, command }: Command): EventBody {
  return { id, key, time: storedAt, data: { entity, command } }
}
