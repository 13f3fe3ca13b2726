/** Bytes of JSON. */
export const QUOTE = 0x22
export const COMMA = 0x2c
export const MINUS = 0x2d
export const POINT = 0x2e
export const ZERO = 0x30
export const NINE = 0x39
export const BACKSLASH = 0x5c
export const LIST_BEGIN = 0x5b
export const LIST_END = 0x5d
export const OBJECT_BEGIN = 0x7b
export const OBJECT_END = 0x7d
export const SPACE = 0x20
/** The first that belongs to a character outside ASCII. */
export const FIRST_WIDE = 0x80
