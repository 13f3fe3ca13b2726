import { createHash, randomUUID } from 'node:crypto'

/** What ids of requests begin with. */
const REQUEST = 'http:'
/** And those of reactions and their outcomes. */
const RESERVED = [REQUEST, 'then:', 'outcome:']

/** Whether a client of a WebSocket cannot take it: its command would stand in the way of another. */
export function isReservedId(id: string): boolean {
  return RESERVED.some((prefix) => id.startsWith(prefix))
}

/**
 * Id of the command of a request. One `Idempotency-Key` is one id for each entity, whatever the command: with another one it is a
 * conflict.
 */
export function requestId(entity: string, key: string, idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return REQUEST + randomUUID()
  const identity = JSON.stringify([entity, key, idempotencyKey])
  return REQUEST + createHash('sha256').update(identity).digest('base64url')
}
