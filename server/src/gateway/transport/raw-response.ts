import { STATUS_CODES } from 'node:http'
import type { HttpResponse } from './transport.ts'

/** `400 Bad Request` */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`
}

/** The last answer of a connection, behind `HTTP/1.1 `: for refusals where no request can be answered. */
export function finalResponse({ status, headers, body }: HttpResponse): string {
  const fields = { ...headers, connection: 'close', 'content-length': `${Buffer.byteLength(body)}` }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  return [statusLine(status), ...lines, '', body.toString()].join('\r\n')
}
