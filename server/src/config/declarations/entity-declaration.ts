import type { ZodType } from 'zod'
import type { Declaration } from './declaration.ts'

/** What `entity()` records, unchecked. */
export interface EntityDeclaration {
  readonly name: string
  /** File and line. */
  readonly place?: string | undefined
  readonly options: UncheckedEntityOptions
}

type Handler = (...values: never[]) => unknown
type Handlers = Readonly<Record<string, Handler>>

export interface UncheckedEntityOptions {
  readonly key: string
  readonly version: number
  readonly state: { readonly initial: object }
  readonly events: Readonly<Record<string, ZodType>>
  readonly evolve: Handlers
  readonly rejections?: readonly string[]
  readonly commands: Readonly<
    Record<string, { readonly by?: string; readonly input: ZodType; readonly decide: Handler }>
  >
  readonly from?: readonly { readonly '~declaration': Declaration }[]
  readonly on?: Handlers
  readonly then?: Handlers
  readonly outcome?: Handler
  readonly history?: unknown
  readonly migrate?: Handler
  readonly publish?: readonly string[]
  readonly view?: Handler
  readonly public?: Handler
  readonly indexes?: Handlers
  readonly upcast?: Readonly<Record<string, Readonly<Record<number, Handler>>>>
}
