import { createHash, randomBytes } from 'node:crypto'
import type { AccessStore } from '../bus/index.ts'
import type { ResolvedRule } from '../config/access/access-model.ts'
import { type Declared, hidesNothing } from '../config/hide-problems.ts'
import type { CertificateName } from '../config/settings/certificate-name.ts'
import type { Audit } from '../observability/audit.ts'
import { AccessList } from './access-list.ts'
import { isKey } from './api-key.ts'
import { ANONYMOUS, ANYBODY, type Caller, callerOf, type Identity } from './caller.ts'
import { certificateIdentity } from './client-certificate.ts'
import { Recent } from './recent.ts'
import { MISSING, type Refusal, refusal } from './refusal.ts'
import { type HeldGrant, Rights } from './rights.ts'
import { type TokenSettings, TokenVerifier } from './token-verifier.ts'

export interface AccessSettings extends TokenSettings {
  /** The part of a client certificate that names the caller; absent: certificates identify nobody. */
  readonly certificateName?: CertificateName | undefined
  /**
   * `everything`: nobody is asked who it is. `local`: the same, for requests that no proxy has forwarded. `rules`: who says
   * nothing has what rules give to anonymous callers.
   */
  readonly anonymous: 'everything' | 'local' | 'rules'
}

export interface AccessOptions {
  readonly settings: AccessSettings
  readonly rules: readonly ResolvedRule[]
  /** What tokens and keys are about. */
  readonly declared: Declared
  readonly store: AccessStore
  /** Gets a line for credentials that are no good. */
  readonly audit?: Pick<Audit, 'note'> | undefined
  /** Ms since 1970. */
  readonly now: () => number
  /** Somebody may have lost what it was let in by: `admits` says. */
  readonly onChange: () => void
  /** Gets the error of a look at Redis, which is repeated. */
  readonly fail: (error: unknown) => void
}

/** What somebody shows. */
export type Credentials =
  | { readonly kind: 'none' }
  /** A JSON Web Token or an API key. */
  | { readonly kind: 'token'; readonly text: string }
  | { readonly kind: 'ticket'; readonly text: string }
  /** In PEM, verified by the transport. */
  | { readonly kind: 'certificate'; readonly pem: string }

/** How long a ticket may wait for its use, ms: the time from its answer to the request that has it. */
export const TICKET_MS = 30_000

/** The one door: turns credentials into a caller. */
export class Access {
  readonly #options: AccessOptions
  readonly #tokens: TokenVerifier
  readonly #list: AccessList
  readonly #anonymous: Caller | Refusal
  readonly #rights = new Recent((grants) => new Rights(JSON.parse(grants) as HeldGrant[]))

  /** @throws {RangeError} saying which setting cannot be used */
  constructor(options: AccessOptions) {
    const { settings, rules, store, now, onChange, fail } = options
    this.#options = options
    this.#tokens = new TokenVerifier(settings)
    this.#list = new AccessList({ store, now, onChange, fail })
    const anonymous = callerOf(ANONYMOUS, rules)
    this.#anonymous = anonymous.rights.isEmpty ? MISSING : anonymous
  }

  /** MUST be awaited before anybody is let in. @throws BusUnavailable */
  async start(): Promise<void> {
    if (!this.isOpen) await this.#list.start()
  }

  close(): void {
    this.#list.close()
  }

  /** Whether nobody is asked who it is. */
  get isOpen(): boolean {
    return this.#options.settings.anonymous !== 'rules'
  }

  /** Whether somebody is let in unasked only because nobody but this machine should get here. */
  get isLocal(): boolean {
    return this.#options.settings.anonymous === 'local'
  }

  /** Whether nobody at all can be let in at present. */
  get isShut(): boolean {
    const { certificateName } = this.#options.settings
    const hasWay = !this.#tokens.isEmpty || this.#list.size > 0 || certificateName !== undefined
    return !this.isOpen && !hasWay && this.#anonymous.kind === 'refused'
  }

  /**
   * @param from address of the client, for the audit
   * @throws BusUnavailable where a ticket cannot be looked up
   */
  authenticate(credentials: Credentials, from?: string): Caller | Refusal | Promise<Caller | Refusal> {
    if (this.isOpen) return ANYBODY
    const found = this.#find(credentials)
    return found instanceof Promise ? found.then((result) => this.#noted(result, from)) : this.#noted(found, from)
  }

  /** A caller that shows nothing has not tried. */
  #noted(result: Caller | Refusal, address: string | undefined): Caller | Refusal {
    if (result.kind === 'refused' && result.code === 'unauthorized' && result !== MISSING) {
      const what = result.reason
      this.#options.audit?.note({ kind: 'authentication_failed', what, ...(address !== undefined && { address }) })
    }
    return result
  }

  #find(credentials: Credentials): Caller | Refusal | Promise<Caller | Refusal> {
    switch (credentials.kind) {
      case 'none':
        return this.#anonymous
      case 'token':
        return isKey(credentials.text) ? this.#byKey(credentials.text) : this.#byToken(credentials.text)
      case 'ticket':
        return this.#byTicket(credentials.text)
      case 'certificate':
        return this.#byCertificate(credentials.pem)
    }
  }

  /** Whether somebody who was let in may stay. */
  admits({ identity, expiresAt }: Caller): boolean {
    return this.isOpen || (this.#options.now() < (expiresAt ?? Number.POSITIVE_INFINITY) && this.#list.admits(identity))
  }

  /** Stands for the caller in one request. @throws BusUnavailable */
  async createTicket({ identity }: Caller): Promise<string> {
    const ticket = randomBytes(24).toString('base64url')
    await this.#options.store.putTicket(hashOf(ticket), JSON.stringify(identity), TICKET_MS)
    return ticket
  }

  #byKey(text: string): Caller | Refusal {
    const identity = this.#list.identify(text)
    return identity === undefined ? refusal('no such key') : this.#callerOf(identity)
  }

  async #byToken(token: string): Promise<Caller | Refusal> {
    const identity = await this.#tokens.verify(token)
    return identity.kind === 'refused' ? identity : this.#callerOf(identity)
  }

  #byCertificate(pem: string): Caller | Refusal {
    const { certificateName } = this.#options.settings
    if (certificateName === undefined) return this.#anonymous
    const identity = certificateIdentity(pem, certificateName)
    return identity.kind === 'refused' ? identity : this.#callerOf(identity)
  }

  async #byTicket(ticket: string): Promise<Caller | Refusal> {
    const stored = await this.#options.store.takeTicket(hashOf(ticket))
    return stored === undefined
      ? refusal('no such ticket, or used before')
      : this.#callerOf(JSON.parse(stored) as Identity)
  }

  #callerOf(identity: Identity): Caller | Refusal {
    const shown = identity.kind === 'anonymous' ? undefined : hidesNothing(identity, this.#options.declared)
    if (shown !== undefined) return refusal(shown)
    const caller = callerOf(identity, this.#options.rules, (grants) => this.#rights.of(JSON.stringify(grants)))
    return this.admits(caller) ? caller : refusal(this.#list.admits(identity) ? 'expired' : 'revoked')
  }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url')
}
