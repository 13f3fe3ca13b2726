import type { ErrorCode } from '@tidegate/protocol'
import type { SubscribeFrame } from '../../delivery/index.ts'
import { parseClientFrame } from '../client-frame.ts'
import type { HttpRequest } from '../transport/transport.ts'
import { parseResumeId } from './resume-id.ts'

export type StreamRequest =
  | { readonly ok: true; readonly frame: SubscribeFrame }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** The number of the one subscription of a stream. */
const SUB = 1
const WORDS = new Set(['now', 'latest', 'earliest'])
const TIME = /^\d{1,16}$/

/**
 * The subscription that the query of `GET /v1/stream` asks for: `topic`, `key` (may be repeated), `filter`, `lanes` (by
 * commas), `onSlow`, `maxRate`, `maxMs` and `maxEvents` of `batch`, `snapshot=true`, and `from`, a word, a time in ms or the id of an event. `Last-Event-ID` wins over `from`: a
 * browser repeats the address it first had.
 */
export function readStreamRequest({ query, header }: Pick<HttpRequest, 'query' | 'header'>): StreamRequest {
  const text = (name: string) => query.get(name) ?? undefined
  const fromText = header('last-event-id') || text('from')
  const from = fromText === undefined ? undefined : readFrom(fromText)
  if (fromText !== undefined && from === undefined) {
    return {
      ok: false,
      code: 'invalid_position',
      message: 'Last-Event-ID or from: not the id of an event of a stream.',
    }
  }
  const number = (name: string) => (query.has(name) ? Number(query.get(name)) : undefined)
  const maxMs = number('maxMs')
  const keys = query.getAll('key')
  const parsed = parseClientFrame(
    JSON.stringify({
      type: 'subscribe',
      sub: SUB,
      topic: text('topic'),
      keys: keys.length === 0 ? undefined : keys,
      where: text('filter'),
      lanes: text('lanes')?.split(','),
      onSlow: text('onSlow'),
      maxRate: number('maxRate'),
      batch: maxMs === undefined ? undefined : { maxMs, maxEvents: number('maxEvents') },
      from,
      snapshot: query.has('snapshot') ? query.get('snapshot') === 'true' : undefined,
    }),
  )
  return parsed.ok ? { ok: true, frame: parsed.frame as SubscribeFrame } : parsed
}

function readFrom(text: string): SubscribeFrame['from'] {
  if (WORDS.has(text)) return text as 'now'
  if (TIME.test(text)) return { time: Number(text) }
  const positions = parseResumeId(text)
  return positions && { positions }
}
