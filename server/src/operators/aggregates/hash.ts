/**
 * A hash of a value JSON can carry: 53 bits, what a number holds, of MurmurHash3_x86_128 (Appleby, 2011, public domain)
 * over the UTF-16 code units of a string or of any other value's JSON text, two to a block word. Strings have a seed of
 * their own, so that `"1"` and `1` differ.
 */
export function hashValue(value: unknown): number {
  return typeof value === 'string' ? hashText(value, 1) : hashText(JSON.stringify(value), 0)
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/** Code units in a block of four words. */
const BLOCK = 8

function hashText(text: string, seed: number): number {
  let h1 = seed
  let h2 = seed
  let h3 = seed
  let h4 = seed
  for (let at = 0; at < text.length; at += BLOCK) {
    h1 ^= scramble(word(text, at), C1, 15, C2)
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0
    h2 ^= scramble(word(text, at + 2), C2, 16, C3)
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0
    h3 ^= scramble(word(text, at + 4), C3, 17, C4)
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0
    h4 ^= scramble(word(text, at + 6), C4, 18, C1)
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0
  }
  h1 ^= text.length
  h2 ^= text.length
  h3 ^= text.length
  h4 ^= text.length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finish(h1)
  h2 = finish(h2)
  h1 = (h1 + h2 + finish(h3) + finish(h4)) | 0
  h2 = (h2 + h1) | 0
  return (h1 >>> 11) * 2 ** 32 + (h2 >>> 0)
}

/** Two code units; zeros behind the end, which the length tells from text. */
function word(text: string, at: number): number {
  return at >= text.length ? 0 : text.charCodeAt(at) | (at + 1 < text.length ? text.charCodeAt(at + 1) << 16 : 0)
}

function scramble(word: number, first: number, bits: number, second: number): number {
  return Math.imul(rotate(Math.imul(word, first), bits), second)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function finish(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
