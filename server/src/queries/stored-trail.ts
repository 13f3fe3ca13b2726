import type { Entities } from '../bus/index.ts'
import { cutOf, decodeRecord, type EntityRecord } from '../entities/index.ts'

/** What is stored of an entity. */
export interface StoredTrail {
  readonly record: EntityRecord | undefined
  /** Events that were cut off its beginning. */
  readonly cut: number
  /** Events that it has had. */
  readonly version: number
}

/** @throws BusUnavailable */
export async function storedTrail(entities: Entities, name: string, key: string): Promise<StoredTrail> {
  const [stored] = await entities.load(name, [key])
  const record = stored!.record === undefined ? undefined : decodeRecord(stored!.record)
  const cut = cutOf(record)
  return { record, cut, version: cut + stored!.length }
}
