/** Bytes of a file, `end` exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** `unreadable`: the file holds something else than commands, which Redis reports. */
export type AofFindings =
  | {
      readonly kind: 'readable'
      /** Transactions without an end that are followed by something else. */
      readonly torn: readonly ByteRange[]
      /** Where the last whole command, or transaction, ends. */
      readonly wholeTo: number
      readonly size: number
    }
  | { readonly kind: 'unreadable' }

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const STAR = 0x2a
const DOLLAR = 0x24
const HASH = 0x23
const ZERO = 0x30
const CRLF_BYTES = 2
/** Longer names need not be kept. */
const MAX_NAME_BYTES = 'SELECT'.length

/**
 * Finds the remains of a write interrupted by kill -9 in an append-only file: a truncated command at its end, and
 * transactions without their EXEC. Redis removes only the truncated command, writes behind the open MULTI, and on the
 * next start runs it up to the EXEC of a later transaction (Redis 7.0 to 8, Valkey until 2026).
 *
 * An open MULTI is torn at the end of the file, and before a SELECT or another MULTI: Redis writes no SELECT within a
 * transaction, and one before its first command after a start.
 *
 * Takes the file in pieces of any size.
 */
export class AofScan {
  readonly #torn: ByteRange[] = []
  #isUnreadable = false
  /** Bytes taken so far. */
  #size = 0
  /** First byte of the present line, 0 between lines; and the number behind it, as far as it was read. */
  #sign = 0
  #number = 0
  /** Where the present command began, and where the last whole one ended. */
  #commandStart = 0
  #commandEnd = 0
  /** Remaining arguments of the command, and remaining bytes of the present one with its line end. */
  #argumentsLeft = 0
  #bytesLeft = 0
  #isName = false
  #name = ''
  #openMulti: number | undefined

  take(piece: Buffer): void {
    const base = this.#size
    this.#size += piece.length
    for (let at = 0; at < piece.length && !this.#isUnreadable; ) {
      if (this.#bytesLeft > 0) {
        const end = Math.min(at + this.#bytesLeft, piece.length)
        this.#takeBytes(piece, at, end, base)
        at = end
      } else {
        this.#takeByte(piece[at]!, base + at)
        at++
      }
    }
  }

  /** The findings of the whole file. */
  end(): AofFindings {
    if (this.#isUnreadable) return { kind: 'unreadable' }
    return { kind: 'readable', torn: this.#torn, wholeTo: this.#openMulti ?? this.#commandEnd, size: this.#size }
  }

  /** Bytes of an argument. */
  #takeBytes(piece: Buffer, from: number, to: number, base: number): void {
    if (this.#isName && this.#name.length <= MAX_NAME_BYTES) this.#name += piece.toString('latin1', from, to)
    this.#bytesLeft -= to - from
    if (this.#bytesLeft > 0) return
    if (this.#isName) this.#named(this.#name.trimEnd().toUpperCase())
    this.#isName = false
    this.#argumentsLeft--
    if (this.#argumentsLeft === 0) this.#commandEnd = base + to
  }

  /** A byte of a line: an annotation, how many arguments a command has, or how long its next one is. */
  #takeByte(byte: number, at: number): void {
    if (this.#sign === 0) {
      this.#sign = byte
      this.#number = 0
      if (this.#argumentsLeft > 0) this.#isUnreadable = byte !== DOLLAR
      else this.#isUnreadable = byte !== STAR && byte !== HASH
      if (byte === STAR) this.#commandStart = at
    } else if (byte === LINE_FEED) {
      this.#takeLine(at + 1)
      this.#sign = 0
    } else if (this.#sign !== HASH && byte !== CARRIAGE_RETURN) {
      const digit = byte - ZERO
      this.#number = this.#number * 10 + digit
      this.#isUnreadable = digit < 0 || digit > 9
    }
  }

  #takeLine(end: number): void {
    switch (this.#sign) {
      case STAR:
        this.#argumentsLeft = this.#number
        this.#isUnreadable = this.#number === 0
        this.#isName = true
        this.#name = ''
        return
      case DOLLAR:
        this.#bytesLeft = this.#number + CRLF_BYTES
        return
      default:
        this.#commandEnd = end
    }
  }

  #named(name: string): void {
    if (name === 'EXEC') {
      this.#openMulti = undefined
    } else if (name === 'MULTI' || name === 'SELECT') {
      if (this.#openMulti !== undefined) this.#torn.push({ start: this.#openMulti, end: this.#commandStart })
      this.#openMulti = name === 'MULTI' ? this.#commandStart : undefined
    }
  }
}
