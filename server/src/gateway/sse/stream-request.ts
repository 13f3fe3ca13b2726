import type { ErrorCode } from '@tidegate/protocol'
import type { SubscribeFrame } from '../../delivery/index.ts'
import { checkClientFrame } from '../client-frame.ts'
import type { HttpRequest } from '../transport/transport.ts'
import { parseResumeId } from './resume-id.ts'

export type StreamRequest =
  | { readonly ok: true; readonly frame: SubscribeFrame; readonly resume: ResumeOf }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** `anew`: the client had a position, but it cannot be read. */
export type ResumeOf = 'nothing' | 'position' | 'anew'

/** The number of the one subscription of a stream. */
const SUB = 1
const WORDS = new Set(['now', 'latest', 'earliest'])
const TIME = /^\d{1,16}$/
const NUMBER = /^\d{1,16}(\.\d{1,16})?$/

/**
 * The subscription that the query of `GET /v1/stream` asks for: `topic`, `key` (may be repeated), `filter`, `lanes`
 * (comma-separated), `onSlow`, `maxRate`, `maxMs` and `maxEvents` of `batch`, `snapshot=true`, and `from`, a word, a
 * time in ms or the id of an event. `Last-Event-ID` takes precedence over `from`, because a browser repeats its first
 * address. If it cannot be read, `from` counts: a browser that is refused gives up for good.
 */
export function readStreamRequest({ query, header }: Pick<HttpRequest, 'query' | 'header'>): StreamRequest {
  const repeated = repeatedName(query)
  if (repeated !== undefined) return refuse('invalid_frame', `${repeated.slice(0, 64)}: given more than once`)
  const text = (name: string) => query.get(name) ?? undefined
  const lastId = header('last-event-id') || undefined
  const positions = lastId === undefined ? undefined : parseResumeId(lastId)
  const fromText = text('from')
  const from = positions !== undefined ? { positions } : fromText === undefined ? undefined : readFrom(fromText)
  if (from === undefined && fromText !== undefined) {
    return refuse('invalid_position', 'from: neither a word, a time nor the id of an event.')
  }
  // Anything but a number or boolean stays text, which the frame check refuses by name.
  const number = (name: string) => asNumber(text(name))
  const isBatched = query.has('maxMs') || query.has('maxEvents')
  const keys = query.getAll('key')
  const checked = checkClientFrame(
    present({
      type: 'subscribe',
      sub: SUB,
      topic: text('topic'),
      keys: keys.length === 0 ? undefined : keys,
      where: text('filter'),
      lanes: text('lanes')?.split(','),
      onSlow: text('onSlow'),
      maxRate: number('maxRate'),
      batch: isBatched ? present({ maxMs: number('maxMs'), maxEvents: number('maxEvents') }) : undefined,
      from,
      snapshot: asBoolean(text('snapshot')),
    }),
  )
  return checked.ok ? { ok: true, frame: checked.frame as SubscribeFrame, resume: resumeOf(lastId, from) } : checked
}

/** The first parameter that is given twice and may not be. */
function repeatedName(query: URLSearchParams): string | undefined {
  const seen = new Set<string>()
  for (const name of query.keys()) {
    if (name !== 'key' && seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

/** Without the fields that were not given: a frame does not have them. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function resumeOf(lastId: string | undefined, from: SubscribeFrame['from']): ResumeOf {
  if (typeof from === 'object' && 'positions' in from) return 'position'
  return lastId === undefined ? 'nothing' : 'anew'
}

function refuse(code: ErrorCode, message: string): StreamRequest {
  return { ok: false, code, message }
}

function asNumber(text: string | undefined): number | string | undefined {
  return text !== undefined && NUMBER.test(text) ? Number(text) : text
}

function asBoolean(text: string | undefined): boolean | string | undefined {
  return text === 'true' || text === 'false' ? text === 'true' : text
}

function readFrom(text: string): SubscribeFrame['from'] {
  if (WORDS.has(text)) return text as 'now'
  if (TIME.test(text)) return { time: Number(text) }
  const positions = parseResumeId(text)
  return positions && { positions }
}
