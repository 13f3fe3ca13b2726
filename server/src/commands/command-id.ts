import { createHash, randomUUID } from 'node:crypto'
import { RESERVED_IDS } from '@tidegate/protocol'

/**
 * Id of the command of a request. One `Idempotency-Key` of a caller is one id for each entity, whatever the command: with another one
 * it is a conflict.
 *
 * @param namespace of the caller: another one's keys are others
 */
export function requestId(entity: string, key: string, idempotencyKey: string | undefined, namespace: string): string {
  if (idempotencyKey === undefined) return RESERVED_IDS.request + randomUUID()
  const identity = JSON.stringify([namespace, entity, key, idempotencyKey])
  return RESERVED_IDS.request + createHash('sha256').update(identity).digest('base64url')
}
