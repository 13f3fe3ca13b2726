import { loadScript, type Script } from '../redis/script.ts'
import type { Channel } from './channel.ts'

const SCAN_SCRIPT: Script = loadScript('scan-hash', { isReading: true })

/** Where a scan begins, and where it has ended. */
export const SCAN_START = '0'

/** After which a page ends. */
export interface ScanBounds {
  readonly fields: number
  readonly bytes: number
}

export interface HashPage {
  readonly fields: readonly (readonly [field: string, value: string])[]
  /** Cursor of the next page: of Redis, and of which one it is; `SCAN_START` at the end. */
  readonly next: string
}

/**
 * Some fields of a hash, in one call, which stops once it has so many of them, or so many bytes: a few more than that at most. Of
 * a hash from which many were removed it may find fewer. Over all pages every field that is there throughout comes once, or
 * more often if many were removed meanwhile, or Redis was restarted or replaced: then the scan begins anew.
 *
 * @throws BusUnavailable
 */
export async function scanHash(channel: Channel, key: string, from: string, bounds: ScanBounds): Promise<HashPage> {
  const [cursor, identity = ''] = from.split('-')
  const reply = await channel.readScript(SCAN_SCRIPT, [key], [cursor!, identity, bounds.fields, bounds.bytes])
  const [next, of, ...flat] = reply as [string, string, ...string[]]
  const fields: [string, string][] = []
  for (let i = 1; i < flat.length; i += 2) fields.push([flat[i - 1]!, flat[i]!])
  return { fields, next: next === SCAN_START ? SCAN_START : `${next}-${of}` }
}

const CURSOR = /^(\d{1,20})(?:-[0-9a-f]{8})?$/
const MAX_CURSOR = 2n ** 64n - 1n

/** Whether a text may be the `next` of a page. */
export function isScanCursor(text: string): boolean {
  const cursor = CURSOR.exec(text)?.[1]
  return cursor !== undefined && BigInt(cursor) <= MAX_CURSOR
}
