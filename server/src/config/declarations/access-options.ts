import type { CallerKind, ClaimValue } from '../access/access-model.ts'
import type { UncheckedHide } from './hideable.ts'

/** What callers of a kind may do. Nothing is allowed that no rule and no token allows. */
export interface AccessRule<Hide = UncheckedHide> {
  /** `authenticated` unless it says otherwise. */
  readonly caller?: CallerKind
  /** Only callers whose claims have these values; a claim that is a list has to contain one of them. */
  readonly when?: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>
  /** What they may do. */
  readonly allow: AllowedOptions<Hide>
}

/**
 * What is allowed, by operation. A grant is a topic selector (`sensor.*`, `orders.>`, `>`), and behind a colon the key,
 * or what keys begin with (`sensor.reading:$sub`, `chat:room-*`). Commands are `<entity>.<command>`; queries are of
 * topics, or of the name of an entity. `$sub` stands for the caller's subject, `$claims.x` for a claim of its token.
 */
export interface AllowedOptions<Hide = UncheckedHide> {
  /** Events of these topics and keys. */
  readonly publish?: readonly string[]
  /** Live events, resume and snapshots of these topics and keys. */
  readonly subscribe?: readonly string[]
  /** History, windows and results of these topics and keys, and entities. */
  readonly query?: readonly string[]
  /** These commands to entities: `<entity>.<command>`. */
  readonly command?: readonly string[]
  /** Metrics, lists of slow clients, details of readiness. */
  readonly admin?: boolean
  /**
   * Fields that these grants do not show, by topic or entity: `{ 'user.profile': ['email', 'address.street'] }`. Whoever
   * has other grants of the same events sees what any of them shows.
   */
  readonly hide?: Hide
}

export interface AccessOptions<Hide = UncheckedHide> {
  /** Each allows something to some callers; they add up. */
  readonly rules: readonly AccessRule<Hide>[]
  /** Claims of tokens that handlers of commands see (`ctx.caller`) and trails of entities keep; none unless listed. */
  readonly claims?: readonly string[]
}
