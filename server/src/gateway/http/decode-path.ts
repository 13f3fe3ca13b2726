/** The groups of a path that matched, percent-decoded; `undefined` where one is not UTF-8. */
export function decodePath(match: RegExpExecArray): readonly string[] | undefined {
  try {
    return match.slice(1).map(decodeURIComponent)
  } catch {
    return undefined
  }
}
