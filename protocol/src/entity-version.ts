const VERSION = /^(\d{1,15})(?:@([0-9a-z]{1,16}))?$/

/** The version that an entity must have. An epoch that is not the present one never fits. */
export interface ExpectedVersion {
  readonly version: number
  readonly epoch?: string
}

/** Reads a version as clients write it - a number, or `version@epoch` -, or returns `undefined` for anything else. */
export function parseVersion(value: unknown): ExpectedVersion | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? { version: value } : undefined
  const match = typeof value === 'string' ? VERSION.exec(value) : null
  if (match === null) return undefined
  const [, version, epoch] = match
  return epoch === undefined ? { version: Number(version) } : { version: Number(version), epoch }
}
