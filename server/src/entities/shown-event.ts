import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { asJson } from './as-json.ts'
import type { AnsweredEvent } from './command.ts'

/**
 * What others see of an event. Everything that leaves - answers, history, `<name>.events` - MUST be made by this.
 *
 * @param data frozen, as the present version of the definition has them
 * @throws what `public` throws, and where it returns no JSON
 */
export function shownEvent({ view, publicOf }: EntityDefinition, type: string, data: unknown): AnsweredEvent {
  if (publicOf === undefined) return view === undefined ? { type, data } : { type }
  const shown = publicOf({ type, data })
  return shown === undefined ? { type } : { type, data: asJson(shown, `what public returned of ${type}`).value }
}
