import type { Rights } from '../access/index.ts'
import type { Contract } from '../config/model.ts'

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
    return [
      {
        name,
        key: keyField,
        version,
        events: schemasOf(events),
        commands: schemasOf(new Map(sent)),
        rejections: [...rejections],
        indexes: [...indexes.keys()],
      },
    ]
  })
}

function schemasOf(members: ReadonlyMap<string, { readonly jsonSchema: unknown }>): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...members].map(([name, { jsonSchema }]) => [name, jsonSchema]))
}
