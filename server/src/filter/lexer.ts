import { FilterError } from './filter-error.ts'

export type Token = { readonly offset: number } & (
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number; readonly text: string }
  | { readonly kind: 'string'; readonly value: string; readonly text: string }
  | { readonly kind: 'sign'; readonly text: Sign }
  | { readonly kind: 'end' }
)

/** Longer ones first: the first that fits is taken. */
const SIGNS = ['==', '!=', '<=', '>=', '&&', '||', '<', '>', '!', '(', ')', '[', ']', ',', '.'] as const
export type Sign = (typeof SIGNS)[number]

const SPACE = /[ \t\r\n]*/y
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y
/** A number of JSON. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
/** Ends a number: `1x` and `01` are no two tokens. */
const NUMBER_GOES_ON = /[A-Za-z0-9_$]/
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}
const HEX4 = /[0-9A-Fa-f]{4}/y

/** Cuts a filter into tokens; the last is `end`. @throws FilterError */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = []
  let offset = skipSpace(text, 0)
  while (offset < text.length) {
    const token = tokenAt(text, offset)
    tokens.push(token)
    offset = skipSpace(text, offset + token.text.length)
  }
  tokens.push({ kind: 'end', offset: text.length })
  return tokens
}

/** A token as an error names it. */
export function describe(token: Token): string {
  return token.kind === 'end' ? 'the end' : token.text
}

function tokenAt(text: string, offset: number): Exclude<Token, { kind: 'end' }> {
  const first = text[offset]!
  if (first === '"' || first === "'") return stringAt(text, offset, first)
  const word = matchAt(WORD, text, offset)
  if (word !== undefined) return { kind: 'word', offset, text: word }
  const number = matchAt(NUMBER, text, offset)
  if (number !== undefined) return numberOf(text, offset, number)
  const sign = SIGNS.find((candidate) => text.startsWith(candidate, offset))
  if (sign !== undefined) return { kind: 'sign', offset, text: sign }
  throw new FilterError(
    offset,
    'a field, a value or an operator',
    JSON.stringify(String.fromCodePoint(text.codePointAt(offset)!)),
  )
}

function numberOf(text: string, offset: number, digits: string): Token & { kind: 'number' } {
  const end = offset + digits.length
  if (end < text.length && NUMBER_GOES_ON.test(text[end]!)) {
    throw new FilterError(end, 'the number to end', text[end]!)
  }
  const value = Number(digits)
  if (!Number.isFinite(value)) throw new FilterError(offset, 'a number of 64 bits', digits)
  // Without the sign of zero: -0 is the same number.
  return { kind: 'number', offset, value: value + 0, text: digits }
}

function stringAt(text: string, offset: number, quote: string): Token & { kind: 'string' } {
  let value = ''
  let i = offset + 1
  while (i < text.length) {
    const char = text[i]!
    if (char === quote) {
      if (!value.isWellFormed()) throw new FilterError(offset, 'text', 'a lone surrogate')
      return { kind: 'string', offset, value, text: text.slice(offset, i + 1) }
    }
    if (char !== '\\') {
      value += char
      i++
      continue
    }
    const escaped = text[i + 1]
    const hex = escaped === 'u' ? matchAt(HEX4, text, i + 2) : undefined
    if (hex !== undefined) {
      value += String.fromCharCode(Number.parseInt(hex, 16))
      i += 6
    } else if (escaped !== undefined && Object.hasOwn(ESCAPES, escaped)) {
      value += ESCAPES[escaped]
      i += 2
    } else throw new FilterError(i, 'an escape of JSON', JSON.stringify(text.slice(i, i + 2)))
  }
  throw new FilterError(text.length, `the closing ${quote}`, 'the end')
}

function skipSpace(text: string, offset: number): number {
  return offset + matchAt(SPACE, text, offset)!.length
}

function matchAt(sticky: RegExp, text: string, offset: number): string | undefined {
  sticky.lastIndex = offset
  return sticky.exec(text)?.[0]
}
