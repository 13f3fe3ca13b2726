/** To all tabs of a group. */
export type GroupMessage =
  /** Somebody looks for the leader. */
  | { readonly kind: 'who' }
  | { readonly kind: 'leader'; readonly term: Term }
  /** A tab asks the leader of a term to listen to the line between them. */
  | { readonly kind: 'join'; readonly term: string; readonly tab: string }

/** One leadership: of several that call themselves leader, the later one is. */
export interface Term {
  readonly id: string
  /** ms since 1970, more than that of every earlier term that the leader knows. */
  readonly since: number
}

/** From a tab to its leader. Sockets are numbered by the tab. */
export type ToLeader =
  | { readonly kind: 'open'; readonly socket: number }
  | { readonly kind: 'send'; readonly socket: number; readonly text: string }
  | { readonly kind: 'close'; readonly socket: number }
  | { readonly kind: 'ping' }

/** From the leader to a tab. */
export type ToTab =
  /** The leader listens. */
  | { readonly kind: 'joined' }
  | { readonly kind: 'opened'; readonly socket: number }
  | { readonly kind: 'message'; readonly socket: number; readonly text: string }
  | { readonly kind: 'closed'; readonly socket: number; readonly code: number; readonly reason: string }
  | { readonly kind: 'pong' }
  /** It leads no longer. */
  | { readonly kind: 'bye' }

/** The line between a leader and a tab: nobody listens to that of an earlier term. */
export function lineName(group: string, term: string, tab: string): string {
  return `${group}/${term}/${tab}`
}

/** Held by a tab for as long as it belongs to the group. */
export function tabLock(group: string, tab: string): string {
  return `${group}/${tab}`
}
