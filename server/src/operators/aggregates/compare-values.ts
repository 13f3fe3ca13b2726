/**
 * A total order of all values JSON can carry, so that a tie is broken the same way in any order of arrival: booleans,
 * numbers, strings by code units, then everything else by its JSON text.
 */
export function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a)
  if (rank !== rankOf(b)) return rank - rankOf(b)
  if (rank === OTHER) return compare(JSON.stringify(a), JSON.stringify(b))
  return compare(a as string, b as string)
}

const OTHER = 3

function rankOf(value: unknown): number {
  switch (typeof value) {
    case 'boolean':
      return 0
    case 'number':
      return 1
    case 'string':
      return 2
    default:
      return OTHER
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
