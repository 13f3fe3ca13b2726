import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8Bytes } from '../src/utf8-bytes.ts'

/** Every length of encoding alike often. */
const character = fc
  .oneof(
    fc.integer({ max: 0x7f, min: 0 }),
    fc.integer({ min: 0x80, max: 0x7ff }),
    fc.integer({ min: 0x800, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0xffff }),
    fc.integer({ min: 0x10000, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code))

test('C-CREDIT-1 utf8Bytes - agrees with the encoder on any text', () => {
  fc.assert(
    // Also of text that is longer than what is encoded at once.
    fc.property(fc.array(character), fc.constantFrom(1, 2_000), (characters, times) => {
      const text = characters.join('').repeat(times)
      expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length)
    }),
  )
})
