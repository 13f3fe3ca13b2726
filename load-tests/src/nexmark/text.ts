const POOL_SIZE = 65_536
const LETTERS = 'abcdefghijklmnopqrstuvwxyz '

export interface Text {
  /** Letters and blanks, from 3 to `maxLength` of them. */
  word(maxLength: number): string
  /** Letters and blanks, `average` of them give or take a fifth. */
  padding(average: number): string
}

/** Text without a meaning: slices of a pool of random letters, which cost next to nothing. */
export function createText(random: () => number): Text {
  const pool = Array.from({ length: POOL_SIZE }, () => LETTERS[Math.floor(random() * LETTERS.length)]!).join('')
  const slice = (length: number) => {
    const from = Math.floor(random() * (POOL_SIZE - length))
    return pool.slice(from, from + length)
  }
  return {
    word: (maxLength) => slice(3 + Math.floor(random() * (maxLength - 2))),
    padding: (average) => slice(Math.round(average * (0.8 + 0.4 * random()))),
  }
}
