import type { SubscribeOptions as WireOptions } from '@tidegate/protocol'
import { ABORTABLE, type AbortSignal } from '../application/abort-signal.ts'
import { jsonOf, type Kind } from '../application/arguments.ts'
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

export const SUBSCRIBE_OPTIONS: Readonly<Record<keyof SubscribeOptions, Kind | null>> = {
  ...CHANGE_OPTIONS,
  from: null,
  snapshot: null,
  concurrent: 'a boolean',
  ...ABORTABLE,
}

/**
 * What two subscriptions have in common that can be one on the wire: the selector, and every option that the server reads.
 * `undefined` for one that names where it begins: no other is there.
 *
 * @throws TypeError for options that JSON has no form for
 */
export function sharingOf(selector: string, { from = 'now', ...options }: WireOptions): string | undefined {
  const { keys, where, lanes, batch, onSlow, maxRate, state, snapshot } = options
  const { maxMs, maxEvents } = batch ?? {}
  const all = [selector, keys, where, lanes, maxMs, maxEvents, onSlow, maxRate, state, snapshot, from]
  const json = jsonOf('subscribe', all)
  return from === 'now' ? json : undefined
}
