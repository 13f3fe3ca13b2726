import type { AccessOptions } from './access.ts'
import { ConfigError } from './config-error.ts'
import type { Declaration } from './declaration.ts'
import type { AnyEntity, EntityEntry, Reaction } from './entity.ts'
import type { EntityDeclaration } from './entity-declaration.ts'
import type { HideOf } from './hideable.ts'
import type { Contract } from './model.ts'
import { resolveContract } from './resolve.ts'
import type { AnyTopic, TopicEntry } from './topic.ts'

/** What `defineConfig` returns and `tidegate.config.ts` exports as its default. */
export interface Config<Topics, Entities = object> {
  readonly contract: Contract
  /** Exists for types only: `createClient<typeof config>()` learns from it which topics there are. */
  readonly '~topics': Topics
  /** Exists for types only. */
  readonly '~entities': Entities
}

type EntitiesOf<Entry extends EntityEntry> = {
  readonly [Listed in Entry as Listed['name']]: Omit<Listed, 'name' | 'topics' | 'reactions' | 'reacting'>
}

/** What reactions may send to some entities. */
type CommandsOf<Entry extends EntityEntry> = Entry extends EntityEntry
  ? {
      readonly [Command in keyof Entry['reacting'] & string]: Reaction<
        Entry['name'],
        Command,
        Extract<Entry['reacting'][Command], object>
      >
    }[keyof Entry['reacting'] & string]
  : never

/** Refuses reactions to commands that no listed entity has. */
type Answered<Entry extends EntityEntry> = [Entry['reactions']] extends [CommandsOf<Entry>]
  ? unknown
  : { readonly 'no listed entity has this command': Exclude<Entry['reactions'], CommandsOf<Entry>> }

type TopicsOf<Entries extends TopicEntry> = {
  readonly [Topic in Entries as Topic['name']]: Pick<Topic, 'data' | 'publishable'>
}

/**
 * Checks the declared topics and builds the contract that gateways, workers and clients share.
 *
 * @throws {ConfigError} naming every problem at once.
 */
export function defineConfig<
  const Topics extends readonly AnyTopic[],
  const Entities extends readonly AnyEntity[] = readonly [],
>(config: {
  readonly topics: Topics
  readonly entities?: Entities & Answered<Entities[number]['~entry']>
  /** Who may do what. */
  readonly access?: AccessOptions<HideOf<Topics[number]['~entries'], Entities[number]['~entry']>>
}): Config<
  TopicsOf<Topics[number]['~entries'] | Entities[number]['~entry']['topics']>,
  EntitiesOf<Entities[number]['~entry']>
> {
  const contract = resolveContract(
    config.topics.map(declarationOf),
    ((config.entities ?? []) as readonly AnyEntity[]).map(entityOf),
    config.access,
  )
  return { contract, '~topics': undefined as never, '~entities': undefined as never }
}

function entityOf(listed: AnyEntity | undefined, index: number): EntityDeclaration {
  const declaration = listed?.['~entity']
  if (declaration !== undefined) return declaration
  const message = 'it was not made by entity()'
  throw new ConfigError([{ code: 'bad_entity', topic: `entities[${index}]`, message }])
}

function declarationOf(listed: AnyTopic | undefined, index: number): Declaration {
  const declaration = listed?.['~declaration']
  if (declaration !== undefined) return declaration
  const message = 'it was not made by topic(), .window() or .to(); a flow becomes a topic by .to(name, { version })'
  throw new ConfigError([{ code: 'not_a_topic', topic: `topics[${index}]`, message }])
}
