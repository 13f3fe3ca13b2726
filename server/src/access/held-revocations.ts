/** What counts no more: tokens and certificates of a subject that were issued up to a time, a single token, or an API key. */
export interface RevocationRecord {
  /** Ms since 1970. */
  readonly at: number
  /** When everything it is about has expired, or is forgotten. */
  readonly until: number
}

export type Revoked =
  | { readonly kind: 'sub'; readonly subject: string }
  | { readonly kind: 'jti'; readonly id: string }
  | { readonly kind: 'key'; readonly id: string }

/**
 * The revocations that a process has read. They hold until they are over, even if Redis has lost them meanwhile: nothing takes a
 * revocation back.
 */
export class HeldRevocations {
  #records = new Map<string, RevocationRecord>()

  get(revoked: Revoked): RevocationRecord | undefined {
    return this.#records.get(revocationName(revoked))
  }

  /**
   * Takes up what is stored.
   *
   * @param now ms since 1970 @returns what is lost: it is held, and is not stored like this
   */
  take(stored: ReadonlyMap<string, string>, now: number): Map<string, RevocationRecord> {
    const lost = new Map<string, RevocationRecord>()
    const records = new Map([...stored].map(([name, text]) => [name, parseRevocation(text)] as const))
    for (const [name, held] of this.#records) {
      if (held.until < now) continue
      const found = records.get(name)
      const joined = { at: Math.max(held.at, found?.at ?? 0), until: Math.max(held.until, found?.until ?? 0) }
      records.set(name, joined)
      if (joined.at !== found?.at || joined.until !== found.until) lost.set(name, joined)
    }
    this.#records = records
    return lost
  }
}

export function revocationName(revoked: Revoked): string {
  return revoked.kind === 'sub' ? `sub ${revoked.subject}` : `${revoked.kind} ${revoked.id}`
}

export function parseRevocation(stored: string): RevocationRecord {
  return JSON.parse(stored) as RevocationRecord
}
