import type { Credentials } from '../access/index.ts'
import type { Arrival, HttpRequest } from './transport/transport.ts'

const NONE: Credentials = { kind: 'none' }
/** RFC 6750, 2.1. */
const BEARER = /^Bearer +([\w.~+/=-]+) *$/i

/** What a `hello` or `token` frame shows. */
export function tokenCredentials(token: string | undefined): Credentials {
  return token === undefined ? NONE : { kind: 'token', text: token }
}

/** What a request shows: `Authorization: Bearer`, or for a stream the ticket in its address. */
export function requestCredentials({
  path,
  query,
  header,
}: Pick<HttpRequest, 'path' | 'query' | 'header'>): Credentials {
  const authorization = header('authorization')
  // What cannot be read is no token, rather than none.
  if (authorization !== undefined) return { kind: 'token', text: BEARER.exec(authorization)?.[1] ?? '' }
  const ticket = path === STREAM_PATH ? query.get('ticket') : null
  return ticket === null ? NONE : { kind: 'ticket', text: ticket }
}

/** Whether a proxy has passed it on: then it may come from anywhere. */
export function isForwarded(header: Arrival['header']): boolean {
  return FORWARDED.some((name) => header(name) !== undefined)
}

const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

export const STREAM_PATH = '/v1/stream'
