/** A path into an event's data, parsed once. */
export interface Field {
  readonly path: string
  readonly name: string
  /** The names further down; absent for a field of the data itself. */
  readonly below?: readonly string[]
}

/** @param path names joined by dots, one level down each. */
export function parseField(path: string): Field {
  const [name, ...below] = path.split('.') as [string, ...string[]]
  return below.length === 0 ? { path, name } : { path, name, below }
}

/** The value at the path, or the data itself without a path; `undefined` if there is no such field. */
export function readField(data: unknown, field: Field | undefined): unknown {
  if (field === undefined) return data
  const value = child(data, field.name)
  return field.below === undefined ? value : field.below.reduce(child, value)
}

function child(data: unknown, name: string): unknown {
  return (data as Readonly<Record<string, unknown>> | null | undefined)?.[name]
}
