/** JSON of events one after the other: event i lies in `[starts[i], starts[i] + sizes[i])`. */
export interface EventTexts {
  readonly sizes: ArrayLike<number>
  readonly starts: ArrayLike<number>
  readonly payload: Buffer
}

/** The events of one entry for one subscription in one lane, ascending. Shared: MUST NOT be changed. */
export type Picks = readonly number[]

export const NO_PICKS: Picks = []

/**
 * Delivered JSON of events one after the other, a comma after each: slot i lies in `[starts[i], starts[i + 1] - 1)`.
 */
export interface EncodedEvents {
  readonly bytes: Buffer
  readonly starts: Uint32Array
  /** Number of waiting runs that refer to it: kept by the budget of the node. */
  pins: number
}

const COMMA = 0x2c
const ZERO = 0x30

/**
 * Puts `at` in front of each event's stored fields: `{"at":"3@1/5-0.` + index + `",` + the stored JSON without its
 * brace.
 */
export function encodeEvents(at: string, { sizes, starts: sources, payload }: EventTexts): EncodedEvents {
  const head = Buffer.from(at, 'latin1')
  const starts = new Uint32Array(sizes.length + 1)
  for (let i = 0; i < sizes.length; i++) {
    starts[i + 1] = starts[i]! + head.length + decimalDigits(i) + 2 + (sizes[i]! - 1) + 1
  }
  const bytes = Buffer.allocUnsafeSlow(starts[sizes.length]!)
  for (let i = 0; i < sizes.length; i++) {
    const source = sources[i]!
    let target = starts[i]!
    bytes.set(head, target)
    target += head.length
    const digits = decimalDigits(i)
    for (let digit = digits - 1, rest = i; digit >= 0; digit--, rest = Math.trunc(rest / 10)) {
      bytes[target + digit] = ZERO + (rest % 10)
    }
    target += digits
    bytes[target] = 0x22
    bytes[target + 1] = COMMA
    payload.copy(bytes, target + 2, source + 1, source + sizes[i]!)
    bytes[starts[i + 1]! - 1] = COMMA
  }
  return { bytes, starts, pins: 0 }
}

function decimalDigits(n: number): number {
  return n < 10 ? 1 : n < 100 ? 2 : n < 1_000 ? 3 : String(n).length
}

/** Bytes of a range of picks, the comma after each included. */
export function bytesOf(encoded: EncodedEvents, slots: Picks, from: number, to: number): number {
  const { starts } = encoded
  if (isContiguous(slots, from, to)) return from === to ? 0 : starts[slots[to - 1]! + 1]! - starts[slots[from]!]!
  let bytes = 0
  for (let i = from; i < to; i++) bytes += starts[slots[i]! + 1]! - starts[slots[i]!]!
  return bytes
}

/** Appends a range of picks, the comma after each included, and returns where it ended. */
export function copyEvents(
  encoded: EncodedEvents,
  slots: Picks,
  from: number,
  to: number,
  target: Buffer,
  offset: number,
): number {
  const { bytes, starts } = encoded
  let end = offset
  for (let i = from; i < to; ) {
    let next = i + 1
    while (next < to && slots[next] === slots[next - 1]! + 1) next++
    end += bytes.copy(target, end, starts[slots[i]!]!, starts[slots[next - 1]! + 1]!)
    i = next
  }
  return end
}

function isContiguous(slots: Picks, from: number, to: number): boolean {
  return from === to || slots[to - 1]! - slots[from]! === to - 1 - from
}
