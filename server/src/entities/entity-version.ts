import type { ExpectedVersion } from './command.ts'

const VERSION = /^(\d{1,15})(?:@([0-9a-z]{1,16}))?$/

/** Reads a version as clients write it - a number, or `version@epoch` -, or returns `undefined` for anything else. */
export function parseVersion(value: unknown): ExpectedVersion | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? { version: value } : undefined
  const match = typeof value === 'string' ? VERSION.exec(value) : null
  if (match === null) return undefined
  const [, version, epoch] = match
  return epoch === undefined ? { version: Number(version) } : { version: Number(version), epoch }
}

/** How a version leaves: with the epoch of its log, under which alone it means something. */
export function formatVersion({ version, epoch }: { readonly version: number; readonly epoch: string }): string {
  return `${version}@${epoch}`
}
