import { createHash } from 'node:crypto'

/** An id that follows from the command and how many were asked for before: the same whenever the command is run. 22 characters. */
export function derivedId(commandId: string, ordinal: number): string {
  return shortHash(`${commandId}\0${ordinal}`)
}

/** An id that follows from some values of JSON. 22 characters. */
export function hashedId(...parts: readonly unknown[]): string {
  return shortHash(JSON.stringify(parts))
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}
