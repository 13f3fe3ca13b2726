import { STATUS_CODES } from 'node:http'
import type { HttpResponse, StreamResponse } from './transport.ts'

/**
 * Of every answer, unless it says otherwise: nothing here is a page, so a browser that shows it loads, runs and frames
 * nothing, and keeps it from pages of other origins that do not ask by CORS. No cache keeps it: it is of one caller, by
 * whatever that was told apart.
 */
const BASE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** The status of an answer that has neither a body nor its length. */
export const NO_CONTENT = 204

/** `400 Bad Request` */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`
}

export function headersOf({
  headers,
}: Pick<HttpResponse | StreamResponse, 'headers'>): Readonly<Record<string, string>> {
  return { ...BASE_HEADERS, ...headers }
}

/** The last answer of a connection, behind `HTTP/1.1 `: for refusals where no request can be answered. */
export function finalResponse(answer: HttpResponse): string {
  const { status, body } = answer
  const fields = { ...headersOf(answer), connection: 'close', 'content-length': `${Buffer.byteLength(body)}` }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  return [statusLine(status), ...lines, '', body.toString()].join('\r\n')
}
