import type { OnSlow } from '@tidegate/protocol'

/** What a subscription wants done while its client cannot keep up, as granted. */
export interface SlowPolicy {
  readonly onSlow: OnSlow
  /** Events per second, key and lane that are sent at most, of normal and low; `undefined`: all. */
  readonly maxRate: number | undefined
}
