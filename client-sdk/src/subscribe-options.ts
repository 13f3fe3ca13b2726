import type { SubscribeOptions as WireOptions } from '@tidegate/protocol'
import type { AbortSignal } from './abort-signal.ts'
import { CHANGE_OPTIONS } from './change-options.ts'

/** Options that the server does not hear of. */
export interface LocalOptions {
  /**
   * Calls back with an event although the promise of the callback for the one before is pending; `false` by default: then
   * the events of a subscription are handed over one after the other.
   */
  readonly concurrent?: boolean
  /** Aborted, it closes the subscription: its iterator ends. */
  readonly signal?: AbortSignal | undefined
}

export type SubscribeOptions = WireOptions & LocalOptions

export const SUBSCRIBE_OPTIONS: Readonly<Record<keyof SubscribeOptions, null>> = {
  ...CHANGE_OPTIONS,
  from: null,
  snapshot: null,
  concurrent: null,
  signal: null,
}

/**
 * What two subscriptions have in common that can be one on the wire: the selector, and every option that the server reads.
 * `undefined` for one that names where it begins: no other is there.
 */
export function sharingOf(selector: string, { from = 'now', ...options }: WireOptions): string | undefined {
  if (from !== 'now') return undefined
  const { keys, where, lanes, batch, onSlow, maxRate, state, snapshot } = options
  return JSON.stringify([
    selector,
    keys,
    where,
    lanes,
    batch?.maxMs,
    batch?.maxEvents,
    onSlow,
    maxRate,
    state,
    snapshot,
  ])
}
