import type { EntityHistory } from '../config/entity-model.ts'
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

function isOver(history: EntityHistory, { next, version, time }: EntityRecord): boolean {
  const since: Pick<Checkpoint, 'version' | 'time'> = next ?? BEGIN
  return history.kind === 'count' ? version - since.version >= history.count : time - since.time >= history.ms
}

/** How many events are gone from a trail that were there before. */
export function cutBetween(before: EntityRecord, after: EntityRecord): number {
  return cutOf(after) - cutOf(before)
}

const BEGIN = { version: 0, time: 0 }
