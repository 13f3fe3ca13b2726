import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { isRecord } from '../json-fields.ts'
import type { Command } from './command.ts'
import { type Effect, refused, seenOf } from './effect.ts'
import { type EntityRecord, encodeTrailEntry } from './entity-record.ts'
import { isErased } from './erase.ts'
import { beginOf, foldEvent } from './fold-events.ts'
import { noteHistory } from './keep-history.ts'
import { COMMAND_LIMITS } from './limits.ts'
import { parseTrailLine, problemOf, recordOf, type TrailLine } from './trail-line.ts'

/** The command that stores a piece of an exported trail. No declared command has such a name, so no client can send it. */
export const IMPORT = '~import'

/** What one piece may come to: a state or the events of one command fit in, whatever stands around them. */
export const IMPORT_LIMITS = {
  lines: COMMAND_LIMITS.events,
  /** UTF-8 bytes of the JSON of the input. */
  inputBytes: 131_072,
  /** Arrays and objects within each other: those of a state, and what stands around it. */
  depth: 320,
} as const

export type ParsedPiece =
  | { readonly ok: true; readonly lines: readonly [TrailLine, ...TrailLine[]] }
  | { readonly ok: false; readonly path: string; readonly message: string }

/** The lines of a piece, each checked by itself. */
export function parsePiece(input: unknown): ParsedPiece {
  const lines = isRecord(input) ? input.lines : undefined
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > IMPORT_LIMITS.lines) {
    return { ok: false, path: 'lines', message: `expected 1 to ${IMPORT_LIMITS.lines} lines` }
  }
  const parsed: TrailLine[] = []
  for (const [i, line] of lines.entries()) {
    try {
      parsed.push(parseTrailLine(line))
    } catch (error) {
      return { ok: false, path: `lines.${i}`, message: (error as Error).message }
    }
  }
  const [first, ...rest] = parsed
  return { ok: true, lines: [first!, ...rest] }
}

/**
 * Adds events to an entity as they were stored elsewhere, where its trail ends. They are folded, and nothing else follows from
 * them. Never throws.
 */
export function importPiece(definition: EntityDefinition, before: EntityRecord, { key, input }: Command): Effect {
  const piece = parsePiece(input)
  if (!piece.ok) return { ...refused('invalid_input', piece.message), path: piece.path }
  const { lines } = piece
  const [first] = lines
  const isNext = first.kind === 'base' ? before.version === 0 : first.version === before.version + 1
  if (!isNext) return notItsEnd(before)
  try {
    let from = before
    let record = before
    const stored: string[] = []
    for (const [i, line] of lines.entries()) {
      const problem = problemOf(definition, record, line)
      if (problem !== undefined) return { ...refused('invalid_input', problem), path: `lines.${i}` }
      if (line.kind === 'base') {
        from = beginOf(definition, recordOf(line))
        record = from
      } else {
        record = noteHistory(definition.history, foldEvent(definition, key, record, line.entry))
        stored.push(encodeTrailEntry(line.entry))
      }
    }
    if (isErased(record)) return { kind: 'imported', key, from, record, stored }
    const seen = seenOf(definition, record)
    return seen.kind === 'rejected' ? seen : { ...seen, kind: 'imported', key, from, stored }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

function notItsEnd(before: EntityRecord) {
  if (isErased(before)) return refused('erased', 'It was erased here, and is not brought back.')
  return refused('version_conflict', `It has version ${before.version}, and the piece does not begin behind that.`)
}
