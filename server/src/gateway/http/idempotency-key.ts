import { LIMITS } from '@tidegate/protocol'
import type { HttpResponse } from '../transport/transport.ts'
import { errorReply } from './replies.ts'

const IDEMPOTENCY_KEY = new RegExp(`^[\\w.:-]{1,${LIMITS.producerChars}}$`)

export function isIdempotencyKey(text: string): boolean {
  return IDEMPOTENCY_KEY.test(text)
}

export function badIdempotencyKey(): HttpResponse {
  return errorReply('invalid_frame', `Idempotency-Key: expected 1 to ${LIMITS.producerChars} of A-Z a-z 0-9 _ . : -`)
}
