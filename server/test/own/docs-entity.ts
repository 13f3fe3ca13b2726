import { z } from 'zod'
import { defineConfig, entity } from '../../src/index.ts'

interface Doc {
  readonly tag: string
  readonly owner: string
  readonly secret: string
}

type LookUp = (state: Doc) => string | undefined

/** What may be changed of the definition of documents. */
export interface DocChanges {
  readonly version?: number
  readonly indexes?: Readonly<Record<string, LookUp>>
  readonly view?: (state: Doc) => object
  readonly public?: (event: { readonly type: string; readonly data: Partial<Doc> }) => object | undefined
  readonly upcast?: (data: Partial<Doc>) => Partial<Doc>
  readonly evolve?: (state: Doc, data: Partial<Doc>) => Doc
  readonly history?: number | `${number}${'s' | 'd'}`
}

export const byTag: LookUp = ({ tag }) => (tag === '' ? undefined : tag)
export const byOwner: LookUp = ({ owner }) => (owner === '' ? undefined : owner)

const fields = z.object({ tag: z.string(), owner: z.string(), secret: z.string() }).partial()

/** A contract with one entity `doc`, which publishes all that it can. */
export function docsContract(changes: DocChanges = {}) {
  const { version = 1, indexes = { tag: byTag }, view = (state: Doc) => state, upcast, history } = changes
  const evolve = changes.evolve ?? ((state: Doc, data: Partial<Doc>) => ({ ...state, ...data }))
  const doc = entity('doc', {
    ...{ key: 'docId', version, state: { initial: { tag: '', owner: '', secret: '' } as Doc } },
    events: { edited: fields },
    evolve: { edited: (state, data) => evolve(state, data as Partial<Doc>) },
    commands: { edit: { input: fields, decide: (_state, data) => [{ type: 'edited', data }] } },
    publish: ['state', 'events'],
    ...{ indexes, view },
    ...(changes.public !== undefined && { public: changes.public as never }),
    ...(upcast !== undefined && { upcast: { edited: { [version - 1]: upcast } } as never }),
    ...(history !== undefined && { history: history as never, migrate: (state: object) => state as Doc }),
  })
  return defineConfig({ topics: [], entities: [doc] }).contract
}
