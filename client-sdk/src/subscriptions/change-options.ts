import type { SubscribeOptions } from '@tidegate/protocol'

/** Options of an open subscription that may change; `undefined` removes one. Its topic and its position stay. */
export type OptionChange = {
  readonly [Option in Exclude<keyof SubscribeOptions, 'from' | 'snapshot'>]?: SubscribeOptions[Option] | undefined
}

/** The options of a subscription that may change; the server checks their values. */
export const CHANGE_OPTIONS: Readonly<Record<keyof OptionChange, null>> = {
  keys: null,
  where: null,
  lanes: null,
  batch: null,
  onSlow: null,
  maxRate: null,
  state: null,
}
