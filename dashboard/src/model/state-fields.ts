import { type Field, leaves } from './event-fields.ts'

/** A leaf of a state, and whether it is another one than in the state that was shown before. */
export interface StateField extends Field {
  readonly isChanged: boolean
}

/** Leaves of a state that are shown; one may fit 64 KiB. */
const MAX_FIELDS = 60

/** The leaves of a state in their order. @param before what was shown of the same entity; undefined at first */
export function stateFields(
  view: unknown,
  before: unknown,
): { readonly fields: readonly StateField[]; readonly more: number } {
  const known = before === undefined ? undefined : new Map([...leaves(before)].map(({ name, value }) => [name, value]))
  const all = [...leaves(view)]
  const fields = all.slice(0, MAX_FIELDS).map((field) => {
    const isChanged = known !== undefined && !(known.has(field.name) && known.get(field.name) === field.value)
    return { ...field, isChanged }
  })
  return { fields, more: all.length - fields.length }
}
