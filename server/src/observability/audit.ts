import type { Logger } from 'pino'

export type AuditKind = 'authentication_failed' | 'admin_denied' | 'revoked' | 'key_created' | 'admin_command'

/** Something that who answers for the deployment may have to account for. No field may hold a token, or part of one. */
export interface AuditEvent {
  readonly kind: AuditKind
  /** Who did it, as far as that is known. */
  readonly subject?: string
  /** Where from; absent for a command on this machine. */
  readonly address?: string
  /** What was done or asked for: a code, a route, a command with what it is about. */
  readonly what: string
}

/** Of one kind from one address. What is beyond is counted. */
const LINES_PER_WINDOW = 20
const WINDOW_MS = 60_000
/** Addresses and kinds with a count of their own. All further ones share one for each kind: a flood from everywhere fills no disk either. */
const MAX_COUNTS = 1_000
const MAX_CHARS = 256

interface Count {
  readonly about: { readonly kind: AuditKind; readonly address?: string }
  lines: number
  leftOut: number
}

/** Writes a line of the log for each event, `audit: true`, as many as the disk can take. */
export class Audit {
  readonly #log: Pick<Logger, 'info'>
  readonly #counts = new Map<string, Count>()
  #timer: NodeJS.Timeout | undefined

  constructor(log: Pick<Logger, 'info'>) {
    this.#log = log
  }

  note({ kind, subject, address, what }: AuditEvent): void {
    const count = this.#countOf(kind, address)
    this.#timer ??= setTimeout(() => this.#endWindow(), WINDOW_MS).unref()
    if (count.lines === LINES_PER_WINDOW) {
      count.leftOut++
      return
    }
    count.lines++
    const by = { ...(subject !== undefined && { subject: cut(subject) }), ...(address !== undefined && { address }) }
    this.#log.info({ audit: true, kind, ...by, what: cut(what) }, 'audit')
  }

  /** Writes what was left out so far. */
  close(): void {
    clearTimeout(this.#timer)
    this.#endWindow()
  }

  #countOf(kind: AuditKind, address: string | undefined): Count {
    const name = `${kind} ${address ?? ''}`
    const isCounted = this.#counts.has(name) || this.#counts.size < MAX_COUNTS
    const place = isCounted ? name : kind
    let count = this.#counts.get(place)
    if (count === undefined) {
      const about = isCounted && address !== undefined ? { kind, address } : { kind }
      count = { about, lines: 0, leftOut: 0 }
      this.#counts.set(place, count)
    }
    return count
  }

  #endWindow(): void {
    this.#timer = undefined
    for (const { about, leftOut } of this.#counts.values()) {
      if (leftOut > 0) this.#log.info({ audit: true, ...about, leftOut }, 'audit: more of the same was left out')
    }
    this.#counts.clear()
  }
}

function cut(text: string): string {
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}...` : text
}
