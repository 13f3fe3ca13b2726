import { errorReply, json } from '../http/replies.ts'
import type { HttpResponse } from './transport.ts'

/** The head of a request as it was received. */
export interface RawHead {
  readonly method: string
  /** Of a target that names the server too. */
  readonly authority: string | undefined
  /** Without the query. */
  readonly path: string
  readonly query: string
  /** Of HTTP, as `1.1`. */
  readonly version: string
  /** In the order received; a name may come more than once. */
  readonly headers: Iterable<readonly [name: string, value: string]>
}

export interface ReadHead {
  readonly kind: 'read'
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly version: string
  readonly headers: ReadonlyMap<string, string>
}

export type RequestHead =
  | ReadHead
  /**
   * Another parser may read it differently, its end too, so nothing after the head may be read: the connection MUST be
   * closed.
   */
  | { readonly kind: 'refused'; readonly answer: HttpResponse }

/** Reads the head of a request as RFC 9110 and RFC 9112 say. Total. */
export function readRequestHead({ method, authority, path, query, version, headers: lines }: RawHead): RequestHead {
  const headers = joinLines(lines)
  const lengths: string[] = []
  const codings: string[] = []
  let hosts = 0
  for (const [name, value] of lines) {
    if (name === 'content-length') lengths.push(value)
    if (name === 'transfer-encoding') codings.push(value)
    if (name === 'host') hosts++
  }
  const unframed =
    checkSyntax(method, version, headers) ??
    checkHost(hosts, headers.get('host'), authority) ??
    checkFraming(version, lengths, codings)
  if (unframed !== undefined) return { kind: 'refused', answer: unframed }
  const parameters = readQuery(query)
  if (parameters === undefined || NOT_VISIBLE_ASCII.test(path)) {
    const answer = errorReply('invalid_frame', 'The address is not percent-encoded UTF-8.')
    return { kind: 'refused', answer }
  }
  return { kind: 'read', method, path: withoutNeedlessEncoding(path), query: parameters, version, headers }
}

/** Header lines of one name as one list (RFC 9110, 5.3). */
function joinLines(lines: RawHead['headers']): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const [name, value] of lines) {
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}

const VERSIONS: ReadonlySet<string> = new Set(['1.0', '1.1'])
const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/
/** Control characters, but for the tab. */
const CONTROL = /[^\t -~\u0080-\uffff]/
const NOT_VISIBLE_ASCII = /[^!-~]/

/** What some parsers let pass. */
function checkSyntax(method: string, version: string, headers: ReadonlyMap<string, string>): HttpResponse | undefined {
  if (!VERSIONS.has(version)) {
    return json(505, { error: { code: 'invalid_frame', message: 'Only HTTP/1.1 is spoken here.' } })
  }
  if (!TOKEN.test(method)) return errorReply('invalid_frame', 'The method is no token.')
  for (const value of headers.values()) {
    if (CONTROL.test(value)) return errorReply('invalid_frame', 'A header has a control character.')
  }
  return undefined
}

function checkHost(count: number, host: string | undefined, authority: string | undefined): HttpResponse | undefined {
  if (count !== 1) return errorReply('invalid_frame', 'Host is given once.')
  if (authority === undefined || authority.toLowerCase() === host?.toLowerCase()) return undefined
  return errorReply('invalid_frame', 'Host and the address of the request name different servers.')
}

/** A length with more digits exceeds what numbers hold exactly. */
const LENGTH = /^\d{1,15}$/

/** Spaces around it do not belong to the value. Nothing else may stand there: other white space hides it from some. */
const CHUNKED = /^[ \t]*chunked[ \t]*$/i
/** A list of codings that ends in `chunked`. */
const BEFORE_CHUNKED = /^[ \t]*([\w-]+)[ \t]*(?:,[ \t]*[\w-]+[ \t]*)*,[ \t]*chunked[ \t]*$/i

/** Framing that parsers read differently lets one of them take the body of a request for another request. */
function checkFraming(
  version: string,
  lengths: readonly string[],
  codings: readonly string[],
): HttpResponse | undefined {
  if (lengths.length + codings.length > 1 && lengths.length > 0) {
    return errorReply('invalid_frame', 'Content-Length is given twice, or beside Transfer-Encoding.')
  }
  if (lengths.some((length) => !LENGTH.test(length))) {
    return errorReply('invalid_frame', 'Content-Length is not a number.')
  }
  if (codings.length === 0) return undefined
  if (version === '1.0') return errorReply('invalid_frame', 'HTTP/1.0 has no Transfer-Encoding.')
  const chain = codings.join()
  if (CHUNKED.test(chain)) return undefined
  const before = BEFORE_CHUNKED.exec(chain)?.[1]
  if (before === undefined || /chunked.*chunked/i.test(chain)) {
    return errorReply('invalid_frame', 'Transfer-Encoding is not `chunked`.')
  }
  const message = `Transfer-Encoding ${before} is not read here: send the body as it is, chunked or with Content-Length.`
  return json(501, { error: { code: 'unsupported', message } })
}

/** `undefined` if something in it is not UTF-8: a replacement character would make different keys the same. */
function readQuery(text: string): URLSearchParams | undefined {
  if (NOT_VISIBLE_ASCII.test(text)) return undefined
  try {
    const pairs = text.split('&').filter((pair) => pair !== '')
    return new URLSearchParams(
      pairs.map((pair) => {
        const [name, value = ''] = splitOnce(pair.replaceAll('+', ' '))
        return [decodeURIComponent(name), decodeURIComponent(value)]
      }),
    )
  } catch {
    return undefined
  }
}

function splitOnce(pair: string): [string, string?] {
  const at = pair.indexOf('=')
  return at === -1 ? [pair] : [pair.slice(0, at), pair.slice(at + 1)]
}

/** Characters that mean the same whether or not they are percent-encoded (RFC 3986, 2.3). */
const UNRESERVED = /[\w.~-]/

function withoutNeedlessEncoding(path: string): string {
  return path.replace(/%([2-7][0-9a-f])/gi, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return UNRESERVED.test(character) ? character : encoded
  })
}
