import { isUtf8 } from 'node:buffer'
import { quoted } from '../../quoted.ts'
import type { HttpRequest } from '../transport/transport.ts'
import { type MediaType, parseMediaType } from './media-type.ts'

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

/** The body as text. Anything but UTF-8 is refused: replaced or misread, different keys would become the same. */
export function readContent(header: HttpRequest['header'], body: Buffer): RequestContent {
  const coding = header('content-encoding')
  if (coding?.split(',').some((name) => !['', 'identity'].includes(name.trim().toLowerCase()))) {
    return unsupported(`Content-Encoding ${quoted(coding)} is not read here: send the body uncompressed.`)
  }
  const declared = header('content-type') || undefined
  const type = declared === undefined ? undefined : parseMediaType(declared)
  if (declared !== undefined && type === undefined)
    return unsupported(`Content-Type ${quoted(declared)} is not a media type.`)
  const charset = type?.parameters.get('charset')
  if (charset !== undefined && !CHARSETS.has(charset.toLowerCase())) {
    return unsupported(`The charset ${quoted(charset)} is not read here: send UTF-8.`)
  }
  if (!isUtf8(body)) return { ok: false, code: 'invalid_frame', message: 'The body is not valid UTF-8.' }
  const text = body.toString('utf8')
  return { ok: true, text: text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, type }
}

function unsupported(message: string): RequestContent {
  return { ok: false, code: 'unsupported_content', message }
}
