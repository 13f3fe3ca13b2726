import type { AccessStore } from '../bus/index.ts'
import { type KeyRecord, keysOf, MAX_KEYS, revoke } from './access-list.ts'
import { createKey, type NewKey } from './api-key.ts'

/** An API key as operators see it. */
export interface ListedKey extends Omit<KeyRecord, 'hash'> {
  readonly id: string
}

/** Names are subjects of callers, and stand in logs and before the names of producers. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** The keys of a deployment, oldest first. @throws BusUnavailable */
export async function listKeys(store: AccessStore): Promise<ListedKey[]> {
  const { keys, revocations } = await store.load()
  const revoked = new Set(keysOf(revocations))
  return [...keys]
    .filter(([id]) => !revoked.has(id))
    .map(([id, stored]) => {
      const { hash: _, ...record } = JSON.parse(stored) as KeyRecord
      return { id, ...record }
    })
    .sort((a, b) => a.createdAt - b.createdAt)
}

export interface KeyRequest {
  readonly name: string
  /** What `readAllowed` reads without a complaint. */
  readonly allow: KeyRecord['allow']
  /** Its name may have a key already: both are the same caller, so that one can replace the other. */
  readonly isBeside: boolean
}

/** @param now ms since 1970 @throws {Error} saying why there can be no such key; BusUnavailable */
export async function addKey(store: AccessStore, { name, allow, isBeside }: KeyRequest, now: number): Promise<NewKey> {
  if (!NAME.test(name)) {
    throw new RangeError(`a name has 1 to 64 letters, digits, dots, dashes and underscores: ${JSON.stringify(name)}`)
  }
  const keys = await listKeys(store)
  const same = keys.filter((key) => key.name === name)
  if (same.length > 0 && !isBeside) {
    throw new Error(`there is a key ${name} (${same.map(({ id }) => id).join(', ')}). Revoke it, or say --beside.`)
  }
  if (keys.length >= MAX_KEYS) throw new Error(`there are ${MAX_KEYS} keys, and no more fit. Revoke what is not used.`)
  const key = createKey()
  const record: KeyRecord = { name, hash: key.hash, allow, createdAt: now }
  await store.putKey(key.id, JSON.stringify(record))
  return key
}

/**
 * Revokes the key with an id, or every key with a name.
 *
 * @param now ms since 1970 @returns what there was @throws {Error} where no more revocations can be kept; BusUnavailable
 */
export async function revokeKeys(store: AccessStore, idOrName: string, now: number): Promise<ListedKey[]> {
  const found = (await listKeys(store)).filter(({ id, name }) => id === idOrName || name === idOrName)
  for (const { id } of found) await revoke(store, { kind: 'key', id }, now)
  return found
}
