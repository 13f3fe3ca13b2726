import { createHash, randomUUID } from 'node:crypto'
import { RESERVED_IDS } from '@tidegate/protocol'

/**
 * Id of the command of a request, among those of its caller. One `Idempotency-Key` is one id for each entity, whatever the command:
 * with another one it is a conflict.
 */
export function requestId(entity: string, key: string, idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return RESERVED_IDS.request + randomUUID()
  const identity = JSON.stringify([entity, key, idempotencyKey])
  return RESERVED_IDS.request + createHash('sha256').update(identity).digest('base64url')
}
