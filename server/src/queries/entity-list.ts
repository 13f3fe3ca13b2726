import { ALL_KEYS, hiddenOfEvents, hiddenOfView, NOTHING_HIDDEN, type Rights } from '../access/index.ts'
import type { Contract } from '../config/contract/model.ts'
import { shownSchemaAt } from './shown-schema.ts'

/** One line of `GET /v1/entities`: what a client needs to send commands to any config. */
export interface EntityDescription {
  readonly name: string
  /** What the key is called. */
  readonly key: string
  readonly version: number
  /** Type -> JSON Schema of the data. */
  readonly events: Readonly<Record<string, unknown>>
  /** Command that clients may send -> JSON Schema of the input. */
  readonly commands: Readonly<Record<string, unknown>>
  /** Codes that commands may be refused with. */
  readonly rejections: readonly string[]
  readonly indexes: readonly string[]
}

/** Those that somebody may ask about or send commands to, with these commands. */
export function describeEntities(contract: Contract, rights: Rights): EntityDescription[] {
  return [...contract.entities.values()].flatMap((definition) => {
    const { name, keyField, version, events, commands, rejections, indexes } = definition
    const sent = [...commands].filter(
      ([command, { by }]) => by !== 'reaction' && rights.covers('command', `${name}.${command}`),
    )
    if (sent.length === 0 && !rights.covers('query', name)) return []
    const hidden = rights.sight('query', name, hiddenOfEvents(name))?.hiddenIn(ALL_KEYS) ?? NOTHING_HIDDEN
    const isWhole = rights.sight('query', name, hiddenOfView(name)) === undefined
    return [
      {
        name,
        key: keyField,
        version,
        events: schemasOf(events, (schema) => shownSchemaAt('data', schema, hidden)),
        commands: schemasOf(new Map(sent)),
        rejections: [...rejections],
        indexes: isWhole ? [...indexes.keys()] : [],
      },
    ]
  })
}

function schemasOf(
  members: ReadonlyMap<string, { readonly jsonSchema: unknown }>,
  shown = (schema: unknown) => schema,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...members].map(([name, { jsonSchema }]) => [name, shown(jsonSchema)]))
}
