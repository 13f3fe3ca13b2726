import { errorReply, json } from '../http/replies.ts'
import type { HttpResponse } from './transport.ts'

/** The head of a request as it was received. */
export interface RawHead {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: string
  /** In the order received; a name may come more than once. */
  readonly headers: Iterable<readonly [name: string, value: string]>
}

export type RequestHead =
  | {
      readonly kind: 'read'
      readonly method: string
      readonly path: string
      readonly query: URLSearchParams
      readonly headers: ReadonlyMap<string, string>
    }
  | { readonly kind: 'refused'; readonly answer: HttpResponse }
  /**
   * Another parser may read it differently, its end too, so nothing after the head may be read: the connection MUST be
   * closed.
   */
  | { readonly kind: 'unframed'; readonly answer: HttpResponse }

/** Reads the head of a request as RFC 9110 and RFC 9112 say. Total. */
export function readRequestHead({ method, path, query, headers: lines }: RawHead): RequestHead {
  const lengths: string[] = []
  const codings: string[] = []
  let hosts = 0
  for (const [name, value] of lines) {
    if (name === 'content-length') lengths.push(value)
    if (name === 'transfer-encoding') codings.push(value)
    if (name === 'host') hosts++
  }
  const unframed = hosts === 1 ? checkFraming(lengths, codings) : errorReply('invalid_frame', 'Host is given once.')
  if (unframed !== undefined) return { kind: 'unframed', answer: unframed }
  const parameters = readQuery(query)
  if (parameters === undefined) {
    const answer = errorReply('invalid_frame', 'The query is not percent-encoded UTF-8.')
    return { kind: 'refused', answer }
  }
  return { kind: 'read', method, path: withoutNeedlessEncoding(path), query: parameters, headers: joinLines(lines) }
}

/** Header lines of one name as one list (RFC 9110, 5.3). */
export function joinLines(lines: RawHead['headers']): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const [name, value] of lines) {
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}

/** A length with more digits exceeds what numbers hold exactly. */
const LENGTH = /^\d{1,15}$/

/** Framing that parsers read differently lets one of them take the body of a request for another request. */
function checkFraming(lengths: readonly string[], codings: readonly string[]): HttpResponse | undefined {
  if (lengths.length + codings.length > 1 && lengths.length > 0) {
    return errorReply('invalid_frame', 'Content-Length is given twice, or beside Transfer-Encoding.')
  }
  if (lengths.some((length) => !LENGTH.test(length))) {
    return errorReply('invalid_frame', 'Content-Length is not a number.')
  }
  if (codings.length === 0) return undefined
  const chain = codings
    .join()
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '')
  if (chain.indexOf('chunked') !== chain.length - 1) {
    return errorReply('invalid_frame', 'Transfer-Encoding does not end in chunked, or has it twice.')
  }
  if (chain.length === 1) return undefined
  const message = `Transfer-Encoding ${chain[0]} is not read here: send the body as it is, chunked or with Content-Length.`
  return json(501, { error: { code: 'unsupported', message } })
}

/** `undefined` if something in it is not UTF-8: a replacement character would make different keys the same. */
function readQuery(text: string): URLSearchParams | undefined {
  if (text.includes('\ufffd')) return undefined
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
