import { isPane } from './pane.ts'

/** One leaf of an event's data, by its dotted path. */
export interface Field {
  readonly name: string
  readonly value: string | number | boolean | null
}

/** Fields that are shown of one event; data may be anything that fits 64 KiB. */
const MAX_FIELDS = 8

/** The leaves of an event's data, in their order; of a window result only the values. */
export function eventFields(data: unknown): { readonly fields: readonly Field[]; readonly more: number } {
  const fields = [...leaves(isPane(data) ? data.value : data)]
  return { fields: fields.slice(0, MAX_FIELDS), more: Math.max(0, fields.length - MAX_FIELDS) }
}

/** The leaves of a value of JSON by their dotted paths, in their order; an empty array or object has none. */
export function* leaves(value: unknown, path = ''): Generator<Field> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) yield* leaves(part, path === '' ? name : `${path}.${name}`)
  } else {
    yield { name: path, value: value as Field['value'] }
  }
}
