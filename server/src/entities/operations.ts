import { LIMITS } from '@tidegate/protocol'
import type { EntityCommandDefinition } from '../config/contract/entity-model.ts'
import type { Validation } from '../config/schema/validation.ts'
import { ERASE } from './erase.ts'
import { IMPORT, IMPORT_LIMITS, parsePiece } from './import.ts'
import { REBUILD } from './rebuild.ts'

/** Limits of an input, checked before its command sees it. */
export interface InputLimits {
  /** UTF-8 bytes of its JSON. */
  readonly inputBytes: number
  /** Arrays and objects within each other, itself included. */
  readonly depth: number
}

/** Of commands that clients send. */
export const INPUT_LIMITS: InputLimits = { inputBytes: LIMITS.inputBytes, depth: LIMITS.dataDepth }

export interface Operation extends Pick<EntityCommandDefinition, 'validate' | 'by'> {
  readonly limits: InputLimits
}

/** Commands that every entity has, for operators alone: no name of a declared one begins with `~`. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [ERASE, { by: 'client', limits: INPUT_LIMITS, validate: (input) => ({ ok: true, data: input }) }],
  [REBUILD, { by: 'client', limits: INPUT_LIMITS, validate: (input) => ({ ok: true, data: input }) }],
  [IMPORT, { by: 'client', limits: IMPORT_LIMITS, validate: checkPiece }],
])

function checkPiece(input: unknown): Validation {
  const piece = parsePiece(input)
  return piece.ok ? { ok: true, data: input } : piece
}
