import { isUtf8 } from 'node:buffer'
import { quoted } from '../../quoted.ts'
import type { HttpRequest } from '../transport/transport.ts'
import { isJson, type MediaType, parseMediaType } from './media-type.ts'

export type RequestContent =
  | {
      readonly ok: true
      readonly text: string
      /** As declared, if it was. */
      readonly type: MediaType | undefined
    }
  | { readonly ok: false; readonly code: 'unsupported_content' | 'invalid_frame'; readonly message: string }

/** UTF-8 and its subset ASCII. */
const CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])
const BYTE_ORDER_MARK = '\ufeff'

/** Formats of CloudEvents without `+json`: JSON is the only one read here. */
const JSON_BY_DEFAULT: ReadonlySet<string> = new Set(['application/cloudevents', 'application/cloudevents-batch'])

/**
 * The body as text, of a type that is JSON. Pages of any origin may send the types of forms, and a body without one,
 * and browsers do not ask first; devices may leave the type out. Anything but UTF-8 is refused: replaced or misread,
 * different keys would become the same.
 */
export function readContent(header: HttpRequest['header'], body: Buffer): RequestContent {
  const coding = header('content-encoding')
  if (coding?.split(',').some((name) => !['', 'identity'].includes(name.trim().toLowerCase()))) {
    return unsupported(`Content-Encoding ${quoted(coding)} is not read here: send the body uncompressed.`)
  }
  const declared = header('content-type') || undefined
  const type = declared === undefined ? undefined : parseMediaType(declared)
  if (declared !== undefined && type === undefined)
    return unsupported(`Content-Type ${quoted(declared)} is not a media type.`)
  if (type === undefined && isOfPage(header)) return unsupported('Content-Type is missing: send application/json.')
  if (type !== undefined && !isJson(type) && !JSON_BY_DEFAULT.has(type.essence)) {
    return unsupported(
      `Content-Type ${quoted(type.essence)} is not read here: send application/json, curl with ${CURL_OPTION}.`,
    )
  }
  const charset = type?.parameters.get('charset')
  if (charset !== undefined && !CHARSETS.has(charset.toLowerCase())) {
    return unsupported(`The charset ${quoted(charset)} is not read here: send UTF-8.`)
  }
  if (!isUtf8(body)) return { ok: false, code: 'invalid_frame', message: 'The body is not valid UTF-8.' }
  const text = body.toString('utf8')
  return { ok: true, text: text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, type }
}

export const NOT_JSON = Symbol('not JSON')

/** @returns `NOT_JSON` for a text that is none */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return NOT_JSON
  }
}

/** Otherwise curl says that its body is a form. */
const CURL_OPTION = "-H 'content-type: application/json'"

function isOfPage(header: HttpRequest['header']): boolean {
  return header('origin') !== undefined || header('sec-fetch-site') !== undefined
}

function unsupported(message: string): RequestContent {
  return { ok: false, code: 'unsupported_content', message }
}
