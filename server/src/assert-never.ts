/** Ends an exhaustive switch: a case added to the union without a branch does not compile. */
export function assertNever(value: never): never {
  throw new Error(`unreachable case: ${JSON.stringify(value)}`)
}
