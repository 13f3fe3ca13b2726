import { createHash, randomUUID } from 'node:crypto'

/** What ids of requests begin with: a client of a WebSocket cannot take one. */
const REQUEST = 'http:'

export function isRequestId(id: string): boolean {
  return id.startsWith(REQUEST)
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
