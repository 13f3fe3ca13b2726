import { pathNames } from '../config/declarations/field-path.ts'

/** Fields of the data of a topic, or of the view of an entity, that somebody does not see, with everything below them. */
export interface HiddenFields {
  /** The same for the same fields. */
  readonly text: string
  /** None lies below another. */
  readonly paths: readonly (readonly string[])[]
}

export const NOTHING_HIDDEN: HiddenFields = { text: '[]', paths: [] }

export function hiddenFields(paths: Iterable<string>): HiddenFields {
  const sorted = [...new Set(paths)].sort()
  const outermost = sorted.filter((path) => !sorted.some((other) => path.startsWith(`${other}.`)))
  // As JSON: a field may have any name, also one with a space.
  return { text: JSON.stringify(outermost), paths: outermost.map(pathNames) }
}

/** What is hidden by each of two: what is shown by one of them is shown. */
export function hiddenByBoth(a: HiddenFields, b: HiddenFields): HiddenFields {
  if (a.text === b.text) return a
  const inOther = (one: HiddenFields, other: HiddenFields) => one.paths.filter((path) => isHidden(other, path))
  return hiddenFields([...inOther(a, b), ...inOther(b, a)].map((names) => names.join('.')))
}

export function hiddenByEither(all: Iterable<HiddenFields>): HiddenFields {
  return hiddenFields([...all].flatMap(({ paths }) => paths.map((names) => names.join('.'))))
}

/** Whether a field is hidden, by itself or with what it is a part of. */
export function isHidden({ paths }: HiddenFields, field: readonly string[]): boolean {
  return paths.some((path) => path.length <= field.length && path.every((name, i) => name === field[i]))
}

/** What is hidden of a field's own fields; `all`: it is hidden itself. */
export function hiddenBelow({ paths }: HiddenFields, name: string): HiddenFields | 'all' {
  const below = paths.filter(([first]) => first === name).map(([, ...rest]) => rest.join('.'))
  return below.includes('') ? 'all' : hiddenFields(below)
}

/** Plain data without the fields. */
export function shownCopy<Data>(data: Data, hidden: HiddenFields): Data {
  if (hidden.paths.length === 0) return data
  const copy = structuredClone(data)
  removeHidden(copy, hidden)
  return copy
}

/** Removes the fields from plain data that nobody else holds. Lists are looked through. */
export function removeHidden(data: unknown, { paths }: HiddenFields): void {
  for (const names of paths) removeField(data, names, 0)
}

function removeField(value: unknown, names: readonly string[], at: number): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) removeField(item, names, at)
    return
  }
  const name = names[at]!
  if (!Object.hasOwn(value, name)) return
  const fields = value as Record<string, unknown>
  if (at === names.length - 1) delete fields[name]
  else removeField(fields[name], names, at + 1)
}

/** The JSON of an event without fields of its data. */
export function shownJson(json: string, hidden: HiddenFields): string {
  const event = JSON.parse(json) as { readonly data?: unknown }
  removeHidden(event.data, hidden)
  return JSON.stringify(event)
}
