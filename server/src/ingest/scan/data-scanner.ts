import { KEY_HASH_SEED, withKeyUnit } from '../../bus/index.ts'
import type { PlainBounds, PlainMember, PlainObject, PlainValue } from '../../config/schema/plain-schema.ts'
import {
  BACKSLASH,
  COMMA,
  FIRST_WIDE,
  LIST_BEGIN,
  LIST_END,
  MINUS,
  NINE,
  OBJECT_BEGIN,
  OBJECT_END,
  POINT,
  QUOTE,
  SPACE,
  ZERO,
} from './ascii.ts'

/** In place of a position: the value is wrong, or written in a way that is not read here. */
export const NOT_PLAIN = -1

/** Decimals of so many digits and their doubles are one to one, so that a number is written again as it was read. */
const MAX_DIGITS = 15
/** More zeros behind the point, and JSON writes an exponent. */
const MAX_LEADING_ZEROS = 5
/** Characters of the longest number that JSON writes, and some. */
const MAX_NUMBER_CHARS = 32
/** All exact. */
const POWERS_OF_TEN = Array.from({ length: MAX_DIGITS + 1 }, (_, power) => 10 ** power)

const NULL = Buffer.from('null')
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')

type Value =
  | { readonly kind: 'string'; readonly isNullable: boolean; readonly minLength: number; readonly maxLength: number }
  | {
      readonly kind: 'number'
      readonly isNullable: boolean
      readonly isWhole: boolean
      readonly bounds?: PlainBounds | undefined
    }
  | { readonly kind: 'constant'; readonly isNullable: boolean; readonly texts: readonly Buffer[] }
  | { readonly kind: 'list'; readonly isNullable: boolean; readonly item: Value }
  | { readonly kind: 'object'; readonly isNullable: boolean; readonly object: ScannedObject }

/** A member of a schema, and where it stands in the object scanned last. */
class Member {
  readonly index: number
  readonly isRequired: boolean
  /** With quotes and colon. */
  readonly name: Buffer
  readonly value: Value
  /** What followed it the last time: most clients write their members in one order. */
  next: Member | undefined
  round = 0
  from = 0
  to = 0

  constructor({ name, isOptional, value }: PlainMember, index: number) {
    this.index = index
    this.isRequired = !isOptional
    this.name = Buffer.from(`${JSON.stringify(name)}:`)
    this.value = compiled(value)
  }

  get valueFrom(): number {
    return this.from + this.name.length
  }
}

/** An object of a schema, and what was scanned of it last. */
export class ScannedObject {
  readonly members: readonly Member[]
  readonly required: number
  first: Member | undefined
  /** Whether the members stood in the order of the schema. */
  isInOrder = true
  round = 0

  constructor({ members }: PlainObject) {
    this.members = members.map((member, index) => new Member(member, index))
    this.required = this.members.filter(({ isRequired }) => isRequired).length
    this.first = this.members[0]
  }

  member(name: string): Member | undefined {
    const written = `${JSON.stringify(name)}:`
    return this.members.find((member) => member.name.toString() === written)
  }

  /** Writes the object scanned last with its members in the order of the schema. @returns its end */
  writeInOrder(bytes: Buffer, out: Buffer, at: number): number {
    out[at++] = OBJECT_BEGIN
    let isFirst = true
    for (const { round, from, to } of this.members) {
      if (round !== this.round) continue
      if (!isFirst) out[at++] = COMMA
      isFirst = false
      for (let i = from; i < to; i++) out[at++] = bytes[i]!
    }
    out[at++] = OBJECT_END
    return at
  }
}

function compiled(value: PlainValue): Value {
  switch (value.kind) {
    case 'boolean':
      return { kind: 'constant', isNullable: value.isNullable, texts: [TRUE, FALSE] }
    case 'constant':
      return { ...value, texts: value.texts.map((text) => Buffer.from(text)) }
    case 'list':
      return { ...value, item: compiled(value.item) }
    case 'object':
      return { ...value, object: new ScannedObject(value.object) }
    default:
      return value
  }
}

/**
 * Reads JSON of plain schemas in its bytes, and accepts only what `JSON.parse`, the schema and `JSON.stringify` would make
 * the same bytes of, apart from the order of an object's members. Methods take the position of a value and return its end.
 */
export class DataScanner {
  bytes: Buffer = Buffer.alloc(0)
  /** Whether any string since then held other characters than ASCII: they count only if they are UTF-8. */
  hasWide = false
  /** Whether the last one did. */
  isWide = false
  /** Of the last text of `hashed`. */
  hash = 0

  object(object: ScannedObject, from: number): number {
    const bytes = this.bytes
    if (bytes[from] !== OBJECT_BEGIN) return NOT_PLAIN
    let at = from + 1
    const round = ++object.round
    object.isInOrder = true
    if (bytes[at] === OBJECT_END) return object.required === 0 ? at + 1 : NOT_PLAIN
    let required = 0
    let before: Member | undefined
    while (true) {
      let member = before === undefined ? object.first : before.next
      if (member === undefined || !this.isAt(member.name, at)) {
        member = this.#find(object, at)
        if (member === undefined) return NOT_PLAIN
        if (before === undefined) object.first = member
        else before.next = member
      }
      if (member.round === round) return NOT_PLAIN
      member.round = round
      if (member.isRequired) required++
      if (before !== undefined && member.index < before.index) object.isInOrder = false
      before = member
      member.from = at
      at = this.#value(member.value, at + member.name.length)
      if (at === NOT_PLAIN) return NOT_PLAIN
      member.to = at
      const next = bytes[at++]
      if (next === OBJECT_END) return required === object.required ? at : NOT_PLAIN
      if (next !== COMMA) return NOT_PLAIN
    }
  }

  /** @returns the position behind the quote that ends it */
  string(from: number): number {
    const bytes = this.bytes
    if (bytes[from] !== QUOTE) return NOT_PLAIN
    const end = bytes.length
    let all = 0
    for (let at = from + 1; at < end; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        return this.#ends(all, at)
      }
      if (byte < SPACE || byte === BACKSLASH) return NOT_PLAIN
      all |= byte
    }
    return NOT_PLAIN
  }

  /** A string, with its `hash`. */
  hashed(from: number): number {
    const bytes = this.bytes
    if (bytes[from] !== QUOTE) return NOT_PLAIN
    const end = bytes.length
    let all = 0
    let hash = KEY_HASH_SEED
    for (let at = from + 1; at < end; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        this.hash = hash
        return this.#ends(all, at)
      }
      if (byte < SPACE || byte === BACKSLASH) return NOT_PLAIN
      all |= byte
      hash = withKeyUnit(hash, byte)
    }
    return NOT_PLAIN
  }

  #ends(all: number, at: number): number {
    this.isWide = all >= FIRST_WIDE
    if (this.isWide) this.hasWide = true
    return at + 1
  }

  /** The end of a whole number from 0, of at most that many digits. */
  whole(from: number, maxDigits: number): number {
    const bytes = this.bytes
    const end = Math.min(bytes.length, from + maxDigits + 1)
    let at = from
    while (at < end && isDigit(bytes[at]!)) at++
    const digits = at - from
    return digits === 0 || digits > maxDigits || (digits > 1 && bytes[from] === ZERO) ? NOT_PLAIN : at
  }

  isAt(text: Buffer, at: number): boolean {
    const bytes = this.bytes
    if (at + text.length > bytes.length) return false
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false
    return true
  }

  #find(object: ScannedObject, at: number): Member | undefined {
    for (const member of object.members) if (this.isAt(member.name, at)) return member
    return undefined
  }

  #value(value: Value, at: number): number {
    if (value.isNullable && this.isAt(NULL, at)) return at + NULL.length
    switch (value.kind) {
      case 'string':
        return this.#bounded(this.string(at), at, value.minLength, value.maxLength)
      case 'number':
        return this.#number(value.isWhole, value.bounds, at)
      case 'constant':
        return this.#constant(value.texts, at)
      case 'list':
        return this.#list(value.item, at)
      case 'object': {
        const end = this.object(value.object, at)
        return value.object.isInOrder ? end : NOT_PLAIN
      }
    }
  }

  #bounded(end: number, from: number, min: number, max: number): number {
    if (end === NOT_PLAIN || (min === 0 && max === Number.POSITIVE_INFINITY)) return end
    // Lengths count UTF-16: bytes tell only one that is long or short enough either way.
    const length = end - from - 2
    return length <= max && (this.isWide ? length / 3 : length) >= min ? end : NOT_PLAIN
  }

  #constant(texts: readonly Buffer[], at: number): number {
    for (const text of texts) {
      if (this.isAt(text, at) && isDelimiter(this.bytes[at + text.length]!)) return at + text.length
    }
    return NOT_PLAIN
  }

  #list(item: Value, from: number): number {
    const bytes = this.bytes
    if (bytes[from] !== LIST_BEGIN) return NOT_PLAIN
    let at = from + 1
    if (bytes[at] === LIST_END) return at + 1
    while (true) {
      at = this.#value(item, at)
      if (at === NOT_PLAIN) return NOT_PLAIN
      const next = bytes[at++]
      if (next === LIST_END) return at
      if (next !== COMMA) return NOT_PLAIN
    }
  }

  #number(isWhole: boolean, bounds: PlainBounds | undefined, from: number): number {
    const bytes = this.bytes
    const isNegative = bytes[from] === MINUS
    const first = isNegative ? from + 1 : from
    let at = first
    let value = 0
    let byte = bytes[at]!
    while (isDigit(byte)) {
      value = value * 10 + (byte - ZERO)
      byte = bytes[++at]!
    }
    let digits = at - first
    if (digits === 0 || (digits > 1 && bytes[first] === ZERO)) return NOT_PLAIN
    if (byte === POINT) {
      const point = at
      byte = bytes[++at]!
      while (isDigit(byte)) {
        value = value * 10 + (byte - ZERO)
        byte = bytes[++at]!
      }
      const decimals = at - point - 1
      digits += decimals
      if (decimals === 0 || isWhole) return NOT_PLAIN
      if (bytes[at - 1] === ZERO) return NOT_PLAIN
      if (!isDelimiter(byte) || digits > MAX_DIGITS) return this.#unusual(isWhole, bounds, from)
      // The digits of a fraction below one begin with zeros.
      if (value < POWERS_OF_TEN[Math.max(0, decimals - MAX_LEADING_ZEROS - 1)]!)
        return this.#unusual(isWhole, bounds, from)
      value /= POWERS_OF_TEN[decimals]!
    } else {
      if (!isDelimiter(byte) || digits > MAX_DIGITS) return this.#unusual(isWhole, bounds, from)
      if (isNegative && value === 0) return NOT_PLAIN
    }
    return bounds === undefined || isWithin(bounds, isNegative ? -value : value) ? at : NOT_PLAIN
  }

  /** A number with many digits or an exponent: it is read, and must be written as it was. */
  #unusual(isWhole: boolean, bounds: PlainBounds | undefined, from: number): number {
    const bytes = this.bytes
    const most = Math.min(bytes.length, from + MAX_NUMBER_CHARS)
    let at = from
    while (at < most && !isDelimiter(bytes[at]!)) at++
    const text = bytes.toString('latin1', from, at)
    const value = Number(text)
    if (String(value) !== text || !Number.isFinite(value)) return NOT_PLAIN
    if (isWhole && !Number.isSafeInteger(value)) return NOT_PLAIN
    return bounds === undefined || isWithin(bounds, value) ? at : NOT_PLAIN
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === OBJECT_END || byte === LIST_END
}

function isWithin({ min, max, isMinExclusive, isMaxExclusive }: PlainBounds, value: number): boolean {
  return (isMinExclusive ? value > min : value >= min) && (isMaxExclusive ? value < max : value <= max)
}
