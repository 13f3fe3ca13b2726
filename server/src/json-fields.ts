export type Fields = Readonly<Record<string, unknown>>

/** Whether JSON held an object. */
export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
