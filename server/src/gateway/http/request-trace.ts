import { readTraceContext, type TraceContext } from '@tidegate/protocol'
import type { HttpRequest } from '../transport/transport.ts'

/** Headers of W3C Trace Context. */
export const TRACE_HEADERS = ['traceparent', 'tracestate'] as const

/** The span that sent a request, if it says so. */
export function requestTrace(header: HttpRequest['header']): TraceContext | undefined {
  return readTraceContext(header('traceparent'), header('tracestate'))
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},]/g
const IS_TRACE = /^\s*"trace(?:parent|state)"\s*:/

/** JSON of an object, or of a list of them, without what says of one where it comes from: only its own members are looked at. */
export function withoutTrace(json: string): string {
  if (!/"trace(?:parent|state)"/.test(json)) return json
  const level = json.trimStart().startsWith('[') ? 2 : 1
  const kept: string[] = []
  let members: string[] = []
  let depth = 0
  let from = 0
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    const isOpening = token === '{' || token === '['
    if (isOpening && ++depth === level) {
      kept.push(json.slice(from, index + 1))
      from = index + 1
    } else if (depth === level && (token === ',' || token === '}' || token === ']')) {
      members.push(json.slice(from, index))
      from = index + 1
      if (token === ',') continue
      kept.push(members.filter((member) => !IS_TRACE.test(member)).join(), token)
      members = []
    }
    if (token === '}' || token === ']') depth--
  }
  return kept.join('') + json.slice(from)
}
