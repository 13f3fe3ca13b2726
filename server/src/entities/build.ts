import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { hashedId } from './derived-id.ts'

/** Everything that decides what is stored of entities beside their trails. Functions are compared by their text, not by what they call. */
export interface Build {
  /** Of the definition. */
  readonly version: number
  /** What index entries follow from. */
  readonly found: string
  /** What `<name>.state` shows; empty where it is not published. */
  readonly state: string
  /** The same of `<name>.events`. */
  readonly events: string
}

const builds = new WeakMap<EntityDefinition, Build>()

export function buildOf(definition: EntityDefinition): Build {
  const build = builds.get(definition) ?? computeBuild(definition)
  builds.set(definition, build)
  return build
}

function computeBuild({ version, indexes, publishes, view, publicOf }: EntityDefinition): Build {
  const lookUps = [...indexes].map(([name, lookUp]) => [name, String(lookUp)]).sort(([a], [b]) => (a! < b! ? -1 : 1))
  const shown = publicOf === undefined ? view === undefined : String(publicOf)
  return {
    version,
    found: hashedId(version, lookUps),
    state: publishes.has('state') ? hashedId(version, String(view)) : '',
    events: publishes.has('events') ? hashedId(shown) : '',
  }
}
