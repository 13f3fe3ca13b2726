import type { PaneTiming } from '../config/contract/model.ts'

/** Output of an operator. Times are ms, windows `[start, end)`. */
export type Emission = EmittedPane | Withdrawal

export interface EmittedPane {
  readonly kind: 'pane'
  readonly key: string
  readonly start: number
  readonly end: number
  readonly value: Readonly<Record<string, unknown>>
  readonly timing: PaneTiming
  /** 0 for the first pane of this window and key, then counting up. */
  readonly revision: number
  /** Nothing can follow for this window and key. */
  readonly final: boolean
}

/** A pane put out before is void: its session has become another one, whose pane follows. */
export interface Withdrawal {
  readonly kind: 'withdraw'
  readonly key: string
  readonly start: number
  readonly end: number
  /** Of the pane that is void. */
  readonly revision: number
}
