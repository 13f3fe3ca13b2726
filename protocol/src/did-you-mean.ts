/** Edits that still make another name out of a mistyped one. */
const MAX_EDITS = 2

/** ` Did you mean "keys"?`, where one of the names is close to what was written; otherwise nothing. */
export function didYouMean(written: string, names: readonly string[]): string {
  const [nearest] = names
    .map((name) => ({ name, edits: edits(written.toLowerCase(), name.toLowerCase(), MAX_EDITS) }))
    // A name that is there was refused for another reason.
    .filter(({ name, edits }) => name !== written && edits <= MAX_EDITS && edits <= name.length / 2)
    .sort((a, b) => a.edits - b.edits)
  return nearest === undefined ? '' : ` Did you mean "${nearest.name}"?`
}

/**
 * Edits between two names, a swap of neighbours being one (optimal string alignment). Beyond `most` the answer is only larger
 * than that: whoever sends many long names must not keep a server busy.
 */
function edits(a: string, b: string, most: number): number {
  if (a === b) return 0
  if (most === 0) return 1
  if (a[0] === b[0]) return edits(a.slice(1), b.slice(1), most)
  const after = (skipA: number, skipB: number) => 1 + edits(a.slice(skipA), b.slice(skipB), most - 1)
  const isSwap = a[0] === b[1] && a[1] === b[0]
  return Math.min(after(1, 0), after(0, 1), isSwap ? after(2, 2) : after(1, 1))
}
