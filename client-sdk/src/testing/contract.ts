import type { Lane } from '@tidegate/protocol'

/** What a schema says of one value. */
export type Validation =
  | { readonly ok: true; readonly data: unknown }
  | { readonly ok: false; readonly path: string; readonly message: string }

export const FLOW_OPS = { map: 'map', filter: 'filter' } as const

/** A topic of a config made by `defineConfig`, as far as a test server reads it. */
export interface ConfiguredTopic {
  readonly name: string
  readonly kind: 'source' | 'flow' | 'window' | 'late' | 'state' | 'events' | 'presence'
  readonly keyField?: string
  readonly maxFutureMs?: number
  readonly lane?: Lane
  readonly laneOf?: (data: unknown) => Lane
  readonly validate?: (data: unknown) => Validation
  readonly from?: unknown
  readonly steps?: readonly { readonly op: keyof typeof FLOW_OPS; readonly apply: (data: unknown) => unknown }[]
}

type Handler = (state: never, input: never, context: never) => unknown

/** An entity of a config, likewise. */
export interface ConfiguredEntity {
  readonly name: string
  readonly version: number
  readonly initial: object
  readonly events: ReadonlyMap<string, { readonly evolve: Handler }>
  readonly commands: ReadonlyMap<
    string,
    { readonly by?: string; readonly validate: (input: unknown) => Validation; readonly decide: Handler }
  >
  readonly rejections: ReadonlySet<string>
  readonly publishes: ReadonlySet<'state' | 'events'>
  readonly view?: ((state: never) => unknown) | undefined
  readonly publicOf?: ((event: { readonly type: string; readonly data: unknown }) => unknown) | undefined
  readonly indexes: ReadonlyMap<string, (state: never) => string | undefined>
}

/** The contract of a config made by `defineConfig`, which a test server serves as it is. */
export interface Contract {
  readonly topics: ReadonlyMap<string, ConfiguredTopic>
  readonly entities: ReadonlyMap<string, ConfiguredEntity>
}

/** An entity of which only the handlers of commands are known: its events are merged into its state. */
export function handledEntity(name: string, handlers: Readonly<Record<string, Handler>>): ConfiguredEntity {
  const commands = Object.entries(handlers).map(
    ([command, decide]) => [command, { validate: (data: unknown) => ({ ok: true, data }) as const, decide }] as const,
  )
  return {
    ...{ name, version: 1, initial: {}, events: new Map(), commands: new Map(commands), indexes: new Map() },
    ...{ rejections: new Set(), publishes: new Set(['state'] as const) },
  }
}

/** The state after an event of an entity that does not say. */
export function merged(state: object, data: unknown): object {
  return { ...state, ...(data as object) }
}
