import type { AccessData, AccessStore } from '../bus/index.ts'
import { readAllowed } from '../config/access/allowed.ts'
import { isSameHash, parseKey } from './api-key.ts'
import type { Identity } from './caller.ts'
import {
  HeldRevocations,
  parseRevocation,
  type RevocationRecord,
  type Revoked,
  revocationName,
} from './held-revocations.ts'
import { MAX_TOKEN_DAYS } from './token-verifier.ts'

/** How often a gateway looks whether something has changed: a revocation works everywhere within a second. */
const LOOK_MS = 400
/** Every gateway reads all of them whenever one changes. */
export const MAX_KEYS = 1_000
export const MAX_REVOCATIONS = 10_000

/** An API key as Redis has it. */
export interface KeyRecord {
  readonly name: string
  readonly hash: string
  /** As in a rule: `{ publish: ['sensor.*'] }`. */
  readonly allow: Readonly<Record<string, unknown>>
  readonly createdAt: number
}

const EMPTY: AccessData = { version: '', keys: new Map(), revocations: new Map() }

export interface AccessListOptions {
  readonly store: AccessStore
  /** Ms since 1970. */
  readonly now: () => number
  /** Is called after a change was read. */
  readonly onChange: () => void
  /** Gets the error of a look at Redis, which is repeated. */
  readonly fail: (error: unknown) => void
}

/**
 * The API keys and revocations that Redis has, as of a moment ago. While Redis is away, what was read last holds. Revocations that
 * Redis has lost hold too, and are stored again.
 */
export class AccessList {
  readonly #options: AccessListOptions
  #data = EMPTY
  readonly #revocations = new HeldRevocations()
  /** To be stored again. */
  #lost: ReadonlyMap<string, RevocationRecord> = new Map()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: AccessListOptions) {
    this.#options = options
  }

  /** MUST be awaited before anybody is let in. @throws BusUnavailable */
  async start(): Promise<void> {
    await this.#load()
    this.#schedule()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  get size(): number {
    return this.#data.keys.size
  }

  /** @returns `undefined` for a key that is not there */
  identify(text: string): Extract<Identity, { kind: 'key' }> | undefined {
    const parsed = parseKey(text)
    const stored = parsed && this.#data.keys.get(parsed.id)
    if (parsed === undefined || stored === undefined || !this.#hasKey(parsed.id)) return undefined
    const record = JSON.parse(stored) as KeyRecord
    if (!isSameHash(record.hash, parsed.hash)) return undefined
    // Whoever wrote it has checked it.
    return { kind: 'key', id: parsed.id, name: record.name, ...readAllowed(record.allow, () => {}) }
  }

  /** Whether somebody who was let in may stay, as far as this list says. */
  admits(identity: Identity): boolean {
    switch (identity.kind) {
      case 'anonymous':
        return true
      case 'key':
        return this.#hasKey(identity.id)
      case 'token':
      case 'certificate': {
        const { subject, issuedAt } = identity
        const id = identity.kind === 'token' ? identity.id : undefined
        const ofSubject = this.#revocations.get({ kind: 'sub', subject })
        if (ofSubject !== undefined && issuedAt <= ofSubject.at) return false
        return id === undefined || this.#revocations.get({ kind: 'jti', id }) === undefined
      }
    }
  }

  /** A key that is revoked is removed. Redis may have it again, as it was before. */
  #hasKey(id: string): boolean {
    return this.#data.keys.has(id) && this.#revocations.get({ kind: 'key', id }) === undefined
  }

  #schedule(): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), LOOK_MS)
  }

  async #look(): Promise<void> {
    const { store, onChange, fail } = this.#options
    try {
      if ((await store.version()) !== this.#data.version) {
        await this.#load()
        onChange()
      }
      if (this.#lost.size > 0) {
        await store.putRevocations(serialized(this.#lost), keysOf(this.#lost))
        this.#lost = new Map()
      }
    } catch (error) {
      fail(error)
    }
    this.#schedule()
  }

  async #load(): Promise<void> {
    const { store, now } = this.#options
    this.#data = await store.load()
    this.#lost = this.#revocations.take(this.#data.revocations, now())
  }
}

function serialized(records: ReadonlyMap<string, RevocationRecord>): Record<string, string> {
  return Object.fromEntries([...records].map(([name, record]) => [name, JSON.stringify(record)]))
}

const OF_KEY = revocationName({ kind: 'key', id: '' })

/** Ids of keys that are revoked. */
export function keysOf(revocations: ReadonlyMap<string, unknown>): string[] {
  return [...revocations.keys()].flatMap((name) => (name.startsWith(OF_KEY) ? [name.slice(OF_KEY.length)] : []))
}

/**
 * Revokes tokens or a key, and forgets revocations that are of no use any more.
 *
 * @param keepDays certificates may be valid for longer than tokens @param now ms since 1970 @throws {Error} where no more can be kept; BusUnavailable
 */
export async function revoke(
  store: AccessStore,
  revoked: Revoked,
  now: number,
  keepDays = MAX_TOKEN_DAYS,
): Promise<RevocationRecord> {
  const name = revocationName(revoked)
  const { revocations } = await store.load()
  const before = revocations.get(name)
  // Whoever revoked it before may have known of a certificate.
  const kept = before === undefined ? 0 : parseRevocation(before).until
  const until = Math.max(kept, now + Math.max(keepDays, MAX_TOKEN_DAYS) * 86_400_000)
  const record: RevocationRecord = { at: now, until }
  const over = [...revocations].filter(([, stored]) => parseRevocation(stored).until < now)
  // A key that cannot be revoked would be worse than one revocation more.
  if (revoked.kind !== 'key' && !revocations.has(name) && revocations.size - over.length >= MAX_REVOCATIONS) {
    throw new Error(
      `there are ${MAX_REVOCATIONS} revocations, and no more fit. Change the key that tokens are signed with.`,
    )
  }
  const ids = revoked.kind === 'key' ? [revoked.id] : []
  await store.putRevocations({ [name]: JSON.stringify(record) }, ids)
  const forgotten = over.map(([each]) => each).filter((each) => each !== name)
  if (forgotten.length > 0) await store.removeRevocations(forgotten)
  return record
}
