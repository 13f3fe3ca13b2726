/**
 * Characters that change the display of a terminal: controls (C0, DEL, C1), marks that turn the direction of text, line
 * and paragraph separators, and characters without a width or a glyph.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu

/** A client's text for a terminal, on one line: `\u001b` in place of the character. Different texts stay different. */
export function printable(text: string): string {
  return escaped(text.replaceAll('\\', '\\\\'))
}

/** JSON for a terminal. It stays the same value. */
export function printableJson(value: unknown): string {
  return escaped(JSON.stringify(value))
}

/** A time from a client, even one that no `Date` holds: older versions stored such times. */
export function printableTime(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString()
}

function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    Array.from({ length: character.length }, (_, i) => unit(character.charCodeAt(i))).join(''),
  )
}

const unit = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`
