import type { Validation } from '../schema/validation.ts'

/** An entity at run time: what `defineConfig` resolves a declared one to. Its functions are the application's: they may throw. */
export interface EntityDefinition {
  readonly name: string
  readonly keyField: string
  /** Stands for `evolve`, `upcast` and the shape of the state. */
  readonly version: number
  readonly initial: object
  /** By type. */
  readonly events: ReadonlyMap<string, EntityEventDefinition>
  /** By name. */
  readonly commands: ReadonlyMap<string, EntityCommandDefinition>
  /** Codes that commands may be refused with. */
  readonly rejections: ReadonlySet<string>
  /** Which topics of its own it has. */
  readonly publishes: ReadonlySet<'state' | 'events'>
  /** Topic -> what it decides on an event of it. */
  readonly on: ReadonlyMap<string, (state: object, event: unknown, context: unknown) => unknown>
  /** Type of an event -> the commands that follow from one. */
  readonly then: ReadonlyMap<string, (event: unknown, context: unknown) => unknown>
  /** What it decides on the outcome of such a command; there if `then` has handlers. */
  readonly outcome: ((state: object, outcome: unknown, context: unknown) => unknown) | undefined
  /** How much of its past its trail keeps; absent: all of it. */
  readonly history: EntityHistory | undefined
  /** The state under an earlier version -> as the present one has it, where the events before it are gone. */
  readonly migrate: ((state: object, from: number) => unknown) | undefined
  /** What queries and subscribers see. */
  readonly view: ((state: object) => unknown) | undefined
  /** What answers, history and subscribers see of the data of an event; `undefined` from it: nothing. */
  readonly publicOf: ((event: { readonly type: string; readonly data: unknown }) => unknown) | undefined
  /** Index -> the value that an entity is found by. */
  readonly indexes: ReadonlyMap<string, (state: object) => string | undefined>
}

export type EntityHistory =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'age'; readonly ms: number }

export interface EntityEventDefinition {
  readonly validate: (data: unknown) => Validation
  readonly evolve: (state: object, data: unknown, context: unknown) => unknown
  /** Version of the entity -> data as the version after it has them. */
  readonly upcasts: ReadonlyMap<number, (data: unknown) => unknown>
  /** JSON Schema of the data. */
  readonly jsonSchema: unknown
}

export type CommandSender = 'client' | 'reaction' | 'both'

export interface EntityCommandDefinition {
  /** Who may send it. */
  readonly by: CommandSender
  readonly validate: (input: unknown) => Validation
  readonly decide: (state: object, input: unknown, context: unknown) => unknown
  /** JSON Schema of the input. */
  readonly jsonSchema: unknown
}
