import { jsonString } from '../json-string.ts'
import { jsonLength } from './json-length.ts'

/** What is stored of an entity beside its trail, and held in memory. */
export interface EntityRecord {
  /** Events of its trail. */
  readonly version: number
  /** Time of the newest of them, ms since 1970; 0 before the first. */
  readonly time: number
  /** Version of the definition that folded the state. */
  readonly definition: number
  readonly state: object
  /** Index -> the value that the entity is found by now. */
  readonly indexed: Readonly<Record<string, string>>
  /** What the trail begins behind; absent where it is whole. Nothing else knows it once the events before are gone. */
  readonly base?: Checkpoint | undefined
  /** What the trail will begin behind once its history is over. */
  readonly next?: Checkpoint | undefined
  /** When it was erased last. */
  readonly erased?: Tombstone | undefined
}

/** All that is left of what an entity was. */
export interface Tombstone {
  /** Of the entity once it was erased: versions continue behind it. */
  readonly version: number
  /** Of the command, ms since 1970 by Redis' clock. */
  readonly time: number
}

/** An entity as it was, under the definition of its record. */
export interface Checkpoint {
  readonly version: number
  /** Of its newest event, ms since 1970. */
  readonly time: number
  readonly state: object
}

/**
 * Characters that a record takes in a commit, about: its state is written anew however little of it has changed.
 *
 * @param stateJson its state, where that is known as JSON
 */
export function sizeOf({ state, base, next, indexed }: EntityRecord, stateJson?: string): number {
  let size = RECORD_OVERHEAD + (stateJson?.length ?? jsonLength(state))
  if (base !== undefined) size += jsonLength(base.state)
  if (next !== undefined) size += jsonLength(next.state)
  // Beside the record an index has it, too.
  for (const index in indexed) size += 2 * indexed[index]!.length
  return size
}

/** Versions, times and keys. */
const RECORD_OVERHEAD = 200

/** One event of an entity as its trail holds it. Its version is its place in the trail, counted from 1. */
export interface TrailEntry {
  readonly type: string
  /** Version of the definition that decided it. */
  readonly definition: number
  readonly data: unknown
  /** Event time, ms since 1970: that of the command, or of the event before where that is later. */
  readonly time: number
  /** The command that it follows from. */
  readonly commandId: string
  /** The event that the command follows from, of another entity or this one; absent where a client sent it. */
  readonly cause?: TrailCause | undefined
  /** Who sent the command; absent where nobody was asked. */
  readonly by?: Sender | undefined
}

/** Somebody with a name, as handlers and trails know it. */
export interface Sender {
  readonly subject: string
  /** Those that the config lists (`access.claims`). */
  readonly claims?: Readonly<Record<string, unknown>>
}

export interface TrailCause {
  readonly entity: string
  readonly key: string
  readonly version: number
}

interface EncodedRecord {
  readonly v: number
  readonly t: number
  readonly d: number
  readonly s: object
  readonly x?: Readonly<Record<string, string>>
  readonly b?: EncodedCheckpoint
  readonly n?: EncodedCheckpoint
  readonly z?: readonly [version: number, time: number]
}

type EncodedCheckpoint = readonly [version: number, time: number, state: object]

interface EncodedTrailEntry {
  readonly e: string
  readonly v: number
  readonly d: unknown
  readonly t: number
  readonly c: string
  readonly o?: readonly [entity: string, key: string, version: number]
  readonly w?: readonly [subject: string, claims?: Readonly<Record<string, unknown>>]
}

/**
 * An `EncodedRecord`.
 *
 * @param stateJson its state, where that is known as JSON
 * @returns JSON in one line
 */
export function encodeRecord(record: EntityRecord, stateJson = JSON.stringify(record.state)): string {
  const { version, time, definition, indexed, base, next, erased } = record
  let json = `{"v":${version},"t":${time},"d":${definition},"s":${stateJson}`
  if (Object.keys(indexed).length > 0) json += `,"x":${JSON.stringify(indexed)}`
  if (base !== undefined) json += `,"b":${encodeCheckpoint(base)}`
  if (next !== undefined) json += `,"n":${encodeCheckpoint(next)}`
  if (erased !== undefined) json += `,"z":[${erased.version},${erased.time}]`
  return `${json}}`
}

export function decodeRecord(text: string): EntityRecord {
  const { v, t, d, s, x = {}, b, n, z } = JSON.parse(text) as EncodedRecord
  const base = b && decodeCheckpoint(b)
  const next = n && decodeCheckpoint(n)
  const erased = z && { version: z[0], time: z[1] }
  return { version: v, time: t, definition: d, state: s, indexed: x, base, next, erased }
}

/** An `EncodedCheckpoint`, as JSON. */
function encodeCheckpoint({ version, time, state }: Checkpoint): string {
  return `[${version},${time},${JSON.stringify(state)}]`
}

function decodeCheckpoint([version, time, state]: EncodedCheckpoint): Checkpoint {
  return { version, time, state }
}

/** Events that an entity had before those of its trail. */
export function cutOf(record: EntityRecord | undefined): number {
  return record?.base?.version ?? 0
}

/**
 * An `EncodedTrailEntry`.
 *
 * @param dataJson its data, where they are known as JSON
 * @returns JSON in one line
 */
export function encodeTrailEntry(entry: TrailEntry, dataJson = JSON.stringify(entry.data)): string {
  const { type, definition, time, commandId, cause, by } = entry
  let json = `{"e":${jsonString(type)},"v":${definition},"d":${dataJson},"t":${time},"c":${jsonString(commandId)}`
  if (cause !== undefined) json += `,"o":${JSON.stringify([cause.entity, cause.key, cause.version])}`
  if (by !== undefined)
    json += `,"w":${JSON.stringify(by.claims === undefined ? [by.subject] : [by.subject, by.claims])}`
  return `${json}}`
}

export function decodeTrailEntry(text: string): TrailEntry {
  const { e, v, d, t, c, o, w } = JSON.parse(text) as EncodedTrailEntry
  return {
    ...{ type: e, definition: v, data: d, time: t, commandId: c },
    ...(o !== undefined && { cause: { entity: o[0], key: o[1], version: o[2] } }),
    ...(w !== undefined && { by: { subject: w[0], ...(w[1] !== undefined && { claims: w[1] }) } }),
  }
}
