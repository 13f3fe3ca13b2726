import type { ErrorCode } from '@tidegate/protocol'
import type { HttpResponse } from '../transport/transport.ts'

const STATUS: Partial<Record<ErrorCode, number>> = {
  unavailable: 503,
  overloaded: 503,
  rebuilding: 503,
  rate_limited: 429,
  storage_full: 507,
  out_of_order: 409,
  epoch_changed: 409,
  conflict: 409,
  fenced: 409,
  outcome_unknown: 409,
  unknown_topic: 404,
  not_found: 404,
  erased: 410,
  trimmed: 410,
  unknown_query: 404,
  unauthorized: 401,
  not_publishable: 403,
  forbidden: 403,
  frame_too_large: 413,
  too_many_events: 413,
  unsupported_content: 415,
  internal: 500,
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return {
    kind: 'whole',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: `${JSON.stringify(body)}\n`,
  }
}

/** Answers with 200 when it is the turn of whoever asked: to write what was read takes as long as to read it. */
export type WriteJson = (body: unknown, headers?: Readonly<Record<string, string>>) => Promise<HttpResponse>

export function errorStatus(code: ErrorCode): number {
  return STATUS[code] ?? 400
}

/** Whole seconds, at least one. */
export function retryAfter(retryAfterMs: number): { readonly 'retry-after': string } {
  return { 'retry-after': `${Math.max(1, Math.ceil(retryAfterMs / 1_000))}` }
}

/**
 * An error as every HTTP route reports it: `{ error: { code, message } }`, with `Retry-After` when trying again helps.
 */
export function errorReply(code: ErrorCode, message: string, retryAfterMs?: number): HttpResponse {
  const retry = retryAfterMs === undefined ? {} : retryAfter(retryAfterMs)
  const error = retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs }
  return json(errorStatus(code), { error }, retry)
}
