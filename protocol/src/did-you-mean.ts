/** Edits that still make another name out of a mistyped one. */
const MAX_EDITS = 2

/** ` Did you mean "keys"?`, where one of the names is close to what was written; otherwise nothing. */
export function didYouMean(written: string, names: readonly string[]): string {
  const [nearest] = names
    .map((name) => ({ name, edits: edits(written.toLowerCase(), name.toLowerCase()) }))
    // A name that is there was refused for another reason.
    .filter(({ name, edits }) => name !== written && edits <= MAX_EDITS && edits <= name.length / 2)
    .sort((a, b) => a.edits - b.edits)
  return nearest === undefined ? '' : ` Did you mean "${nearest.name}"?`
}

/** Levenshtein distance as far as it matters, but 1 for the same letters in another order. */
function edits(a: string, b: string): number {
  // Whoever sends many wrong names must not keep a server busy: `b` is a name that there is, and short.
  if (Math.abs(a.length - b.length) > MAX_EDITS) return MAX_EDITS + 1
  if (a !== b && sorted(a) === sorted(b)) return 1
  let row = [...b, ''].map((_, j) => j)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j]! + Number(letter !== b[j]), row[j + 1]! + 1, next[j]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}

function sorted(text: string): string {
  return [...text].sort().join('')
}
