/** A filter that cannot be used: the place of the error and what was expected there. */
export class FilterError extends Error {
  /** Place in the text, in UTF-16 units from 1. One past the end when the text is too short. */
  readonly column: number
  /** What could stand there, for people. */
  readonly expected: string

  /** @param found what stands there instead, for people */
  constructor(offset: number, expected: string, found: string) {
    super(`column ${offset + 1}: expected ${expected}, found ${found}`)
    this.name = 'FilterError'
    this.column = offset + 1
    this.expected = expected
  }
}
