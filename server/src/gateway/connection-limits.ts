import type { ClientFrame } from '@tidegate/protocol'
import type { Clock } from '../clock.ts'
import { type ClientLimits, type Refusal, TokenBucket } from '../limits/index.ts'

/** Refusals that a connection may have at once, and the time in which so many are forgiven. */
export const MAX_REFUSED = 500
const FORGIVEN_IN_SECONDS = 10
/** A refused frame of this many bytes counts as two: to refuse it, it is parsed. */
const BYTES_PER_REFUSAL = 65_536

/** Frames that free something, or cost less than their refusal. */
const ALWAYS_READ: ReadonlySet<ClientFrame['type']> = new Set<ClientFrame['type']>(['credit', 'pong', 'unsubscribe'])

/** How the frames of one connection are admitted: within the limits, refused, or the end of the connection. */
export class ConnectionLimits {
  readonly #limits: ClientLimits
  readonly #clock: Pick<Clock, 'monotonic'>
  /** Made at the first refusal. */
  #refusals: TokenBucket | undefined

  constructor(limits: ClientLimits, clock: Pick<Clock, 'monotonic'>) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Judges a frame before it is parsed. */
  frame(bytes: number): { readonly kind: 'read' } | { readonly kind: 'refuse' | 'close'; readonly refusal: Refusal } {
    const refusal = this.#limits.frame(bytes)
    if (refusal === undefined) return READ
    const now = this.#clock.monotonic()
    const cost = 1 + bytes / BYTES_PER_REFUSAL
    this.#refusals ??= new TokenBucket(MAX_REFUSED / FORGIVEN_IN_SECONDS, MAX_REFUSED, now)
    const isOver = this.#refusals.waitMs(cost, now) > 0
    this.#refusals.take(cost, now)
    return { kind: isOver ? 'close' : 'refuse', refusal }
  }

  isAlwaysRead({ type }: ClientFrame): boolean {
    return ALWAYS_READ.has(type)
  }
}

const READ = { kind: 'read' } as const
