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
}

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
}

interface EncodedRecord {
  readonly v: number
  readonly t: number
  readonly d: number
  readonly s: object
  readonly x?: Readonly<Record<string, string>>
}

interface EncodedTrailEntry {
  readonly e: string
  readonly v: number
  readonly d: unknown
  readonly t: number
  readonly c: string
}

/** @returns JSON in one line */
export function encodeRecord({ version, time, definition, state, indexed }: EntityRecord): string {
  const encoded: EncodedRecord = { v: version, t: time, d: definition, s: state }
  return JSON.stringify(Object.keys(indexed).length > 0 ? { ...encoded, x: indexed } : encoded)
}

export function decodeRecord(text: string): EntityRecord {
  const { v, t, d, s, x = {} } = JSON.parse(text) as EncodedRecord
  return { version: v, time: t, definition: d, state: s, indexed: x }
}

export function encodeTrailEntry({ type, definition, data, time, commandId }: TrailEntry): string {
  return JSON.stringify({ e: type, v: definition, d: data, t: time, c: commandId } satisfies EncodedTrailEntry)
}

export function decodeTrailEntry(text: string): TrailEntry {
  const { e, v, d, t, c } = JSON.parse(text) as EncodedTrailEntry
  return { type: e, definition: v, data: d, time: t, commandId: c }
}
