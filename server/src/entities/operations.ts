import type { EntityCommandDefinition } from '../config/entity-model.ts'
import { ERASE } from './erase.ts'

/** Commands that every entity has, for operators alone: no name of a declared one begins with `~`. */
export const OPERATIONS: ReadonlyMap<string, Pick<EntityCommandDefinition, 'validate' | 'by'>> = new Map([
  [ERASE, { by: 'client', validate: (input) => ({ ok: true, data: input }) }],
])
