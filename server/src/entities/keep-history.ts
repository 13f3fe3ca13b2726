import type { EntityHistory } from '../config/contract/entity-model.ts'
import { type Checkpoint, cutOf, type EntityRecord } from './entity-record.ts'

/**
 * The record as it is stored, with the checkpoints that bound the trail. Each time a history's worth of events or of time has
 * passed since the last checkpoint, the trail is cut there, and the present state is the next one. So no event has to be read
 * again to cut it off, and the trail holds between one history and two.
 */
export function keepHistory(history: EntityHistory | undefined, record: EntityRecord): EntityRecord {
  const { next, version, time, state } = record
  if (history === undefined || !isOver(history, record)) return record
  return { ...record, ...(next !== undefined && { base: next }), next: { version, time, state } }
}

/** The same where nothing is to be cut: the next checkpoint alone, once there is room for one. */
export function noteHistory(history: EntityHistory | undefined, record: EntityRecord): EntityRecord {
  const { next, version, time, state } = record
  const hasNext = next !== undefined && next.version > cutOf(record)
  if (history === undefined || hasNext || !isOver(history, record)) return record
  return { ...record, next: { version, time, state } }
}

/**
 * The record with what is older than its history cut off, whether anything happens to the entity or not: up to the next
 * checkpoint, or to the present state.
 */
export function keepAge(history: EntityHistory | undefined, record: EntityRecord, now: number): EntityRecord {
  if (history?.kind !== 'age') return record
  const { next, version, time, state } = record
  const present = { version, time, state }
  const isOld = (checkpoint: Checkpoint) => checkpoint.version > cutOf(record) && checkpoint.time <= now - history.ms
  if (isOld(present)) return { ...record, base: present, next: present }
  return next !== undefined && isOld(next) ? { ...record, base: next, next: present } : record
}

function isOver(history: EntityHistory, { next, version, time }: EntityRecord): boolean {
  const since: Pick<Checkpoint, 'version' | 'time'> = next ?? BEGIN
  return history.kind === 'count' ? version - since.version >= history.count : time - since.time >= history.ms
}

/** How many events are gone from a trail that were there before. */
export function cutBetween(before: EntityRecord, after: EntityRecord): number {
  return cutOf(after) - cutOf(before)
}

const BEGIN = { version: 0, time: 0 }
