import { createHash } from 'node:crypto'

/** An id that follows from the command and how many were asked for before: the same whenever the command is run. 22 characters. */
export function derivedId(commandId: string, ordinal: number): string {
  return createHash('sha256').update(`${commandId}\0${ordinal}`).digest('base64url').slice(0, 22)
}
