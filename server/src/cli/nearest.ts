/** A word of up to three letters may have one mistake, a longer one a mistake for each three letters. */
const LETTERS_PER_MISTAKE = 3

/** The word that somebody probably meant; `undefined` where none is near enough. Among equals the first one. */
export function nearest(typed: string, words: Iterable<string>): string | undefined {
  let found: string | undefined
  let best = Math.max(1, Math.floor(typed.length / LETTERS_PER_MISTAKE)) + 1
  for (const word of words) {
    const mistakes = mistakesBetween(typed.toLowerCase(), word)
    if (mistakes < best && mistakes < word.length) {
      found = word
      best = mistakes
    }
  }
  return found
}

/**
 * Letters left out, added, exchanged with another or with their neighbour, at least: the optimal string alignment
 * distance.
 */
function mistakesBetween(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        row[j - 1]! + 1,
        last[j]! + 1,
        last[j - 1]! + (isSame ? 0 : 1),
        isSwapped ? beforeLast[j - 2]! + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** ` Did you mean "start"?`, or nothing. */
export function didYouMean(typed: string, words: Iterable<string>): string {
  const meant = nearest(typed, words)
  return meant === undefined ? '' : ` Did you mean "${meant}"?`
}
