/**
 * Text of a state that holds JSON values: an array whose first item is its version. Separators between states are
 * escaped, as JSON allows inside strings; elsewhere JSON has none of them.
 */
export function encodeItems(version: number, items: readonly unknown[]): string {
  return JSON.stringify([version, ...items]).replace(/[;|]/g, (char) => (char === ';' ? '\\u003b' : '\\u007c'))
}

/** @throws Error when it is of another version. @param what name of the aggregate. */
export function decodeItems(what: string, version: number, text: string): unknown[] {
  const [found, ...items] = JSON.parse(text) as unknown[]
  checkVersion(what, version, found)
  return items
}

/** @throws Error that names both versions. */
export function checkVersion(what: string, version: number, found: unknown): void {
  if (found === version) return
  throw new Error(`stored state of ${what} has version ${found}, and only version ${version} can be read`)
}
