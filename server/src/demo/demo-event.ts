import type demo from './demo.config.ts'

type Topics = (typeof demo)['~topics']
type SourceName = { [Name in keyof Topics]: Topics[Name]['publishable'] extends true ? Name : never }[keyof Topics]

/** One event of the simulated world and when its device or shop sends it. */
export type DemoEvent = {
  [Name in SourceName]: {
    /** When it is sent, ms since 1970; its own `time` lies before. */
    readonly atMs: number
    readonly topic: Name
    readonly event: { readonly id: string; readonly time: number; readonly data: Topics[Name]['data'] }
  }
}[SourceName]

/** One independent part of the simulated world. */
export interface Actor {
  /** Acts at its time, and returns when it wants to act again. Nothing it sends is sent before `atMs`. */
  act(atMs: number): { readonly nextAtMs: number; readonly sent: readonly DemoEvent[] }
}
