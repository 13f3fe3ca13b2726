import type { AccessData, AccessStore } from '../bus/index.ts'
import { readAllowed } from '../config/access/allowed.ts'
import { isSameHash, parseKey } from './api-key.ts'
import type { Identity } from './caller.ts'
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

/** What counts no more: tokens and certificates of a subject that were issued up to a time, or a single token. */
export interface RevocationRecord {
  readonly at: number
  /** When every token it is about has expired. */
  readonly until: number
}

export type Revoked = { readonly kind: 'sub'; readonly subject: string } | { readonly kind: 'jti'; readonly id: string }

const EMPTY: AccessData = { version: '', keys: new Map(), revocations: new Map() }

/**
 * The API keys and revocations that Redis has, as of a moment ago. While Redis is away, what was read last holds.
 */
export class AccessList {
  readonly #store: AccessStore
  readonly #onChange: () => void
  readonly #fail: (error: unknown) => void
  #data = EMPTY
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param onChange after a change was read @param fail gets the error of a read, which is repeated */
  constructor(store: AccessStore, onChange: () => void, fail: (error: unknown) => void) {
    this.#store = store
    this.#onChange = onChange
    this.#fail = fail
  }

  /** MUST be awaited before anybody is let in. @throws BusUnavailable */
  async start(): Promise<void> {
    this.#data = await this.#store.load()
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
    if (parsed === undefined || stored === undefined) return undefined
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
        return this.#data.keys.has(identity.id)
      case 'token':
      case 'certificate': {
        const { subject, issuedAt } = identity
        const id = identity.kind === 'token' ? identity.id : undefined
        const ofSubject = this.#revocation({ kind: 'sub', subject })
        if (ofSubject !== undefined && issuedAt <= ofSubject.at) return false
        return id === undefined || this.#revocation({ kind: 'jti', id }) === undefined
      }
    }
  }

  #revocation(revoked: Revoked): RevocationRecord | undefined {
    const stored = this.#data.revocations.get(revocationName(revoked))
    return stored === undefined ? undefined : (JSON.parse(stored) as RevocationRecord)
  }

  #schedule(): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), LOOK_MS)
  }

  async #look(): Promise<void> {
    try {
      if ((await this.#store.version()) !== this.#data.version) {
        this.#data = await this.#store.load()
        this.#onChange()
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#schedule()
  }
}

function revocationName(revoked: Revoked): string {
  return revoked.kind === 'sub' ? `sub ${revoked.subject}` : `jti ${revoked.id}`
}

/**
 * Revokes tokens, and forgets revocations that are of no use any more.
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
  const kept = before === undefined ? 0 : (JSON.parse(before) as RevocationRecord).until
  const until = Math.max(kept, now + Math.max(keepDays, MAX_TOKEN_DAYS) * 86_400_000)
  const record: RevocationRecord = { at: now, until }
  const over = [...revocations].filter(([, stored]) => (JSON.parse(stored) as RevocationRecord).until < now)
  if (!revocations.has(name) && revocations.size - over.length >= MAX_REVOCATIONS) {
    throw new Error(
      `there are ${MAX_REVOCATIONS} revocations, and no more fit. Change the key that tokens are signed with.`,
    )
  }
  await store.putRevocation(name, JSON.stringify(record))
  const forgotten = over.map(([each]) => each).filter((each) => each !== name)
  if (forgotten.length > 0) await store.removeRevocations(forgotten)
  return record
}
