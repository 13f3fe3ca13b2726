import { knownOptions } from './checked-option.ts'
import { type ConfigProblem, problemsOf } from './config-error.ts'
import type { Contract } from './contract/model.ts'
import type { AccessOptions } from './declarations/access-options.ts'
import type { Declaration } from './declarations/declaration.ts'
import type { AnyEntity, EntityEntry, Reaction } from './declarations/entity.ts'
import type { EntityDeclaration } from './declarations/entity-declaration.ts'
import type { HideOf } from './declarations/hideable.ts'
import type { AnyTopic, TopicEntry } from './declarations/topic.ts'
import { resolveContract } from './resolve.ts'

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
  /** Every topic: those that clients publish to, and every flow and window over them. */
  readonly topics: Topics
  /** Every entity. */
  readonly entities?: Entities & Answered<Entities[number]['~entry']>
  /** Who may do what. */
  readonly access?: AccessOptions<HideOf<Topics[number]['~entries'], Entities[number]['~entry']>>
}): Config<
  TopicsOf<Topics[number]['~entries'] | Entities[number]['~entry']['topics']>,
  EntitiesOf<Entities[number]['~entry']>
> {
  const problems: ConfigProblem[] = []
  try {
    knownOptions(config, CONFIG_OPTIONS)
  } catch (problem) {
    for (const { code, message } of problemsOf(problem)) problems.push({ code, topic: 'config', message })
  }
  const contract = resolveContract(
    listed('topics', config.topics, declarationOf, problems),
    listed('entities', config.entities ?? [], entityOf, problems),
    config.access,
    problems,
  )
  return { contract, '~topics': undefined as never, '~entities': undefined as never }
}

const CONFIG_OPTIONS = ['topics', 'entities', 'access']

/** What was made by the builders; what was not is a problem. */
function listed<Listed>(
  option: string,
  list: unknown,
  declarationOf: (item: never, name: string) => Listed | ConfigProblem,
  problems: ConfigProblem[],
): Listed[] {
  if (!Array.isArray(list)) {
    problems.push({ code: 'bad_option', topic: 'config', message: `${option} must be a list` })
    return []
  }
  return list.flatMap((item, index) => {
    const declaration = declarationOf(item as never, `${option}[${index}]`)
    if (!isProblem(declaration)) return [declaration]
    problems.push(declaration)
    return []
  })
}

function isProblem(value: unknown): value is ConfigProblem {
  return typeof value === 'object' && value !== null && 'code' in value
}

function entityOf(item: AnyEntity | undefined, topic: string): EntityDeclaration | ConfigProblem {
  return item?.['~entity'] ?? { code: 'bad_entity', topic, message: 'it was not made by entity()' }
}

function declarationOf(item: AnyTopic | undefined, topic: string): Declaration | ConfigProblem {
  const message = 'it was not made by topic(), .window() or .to(); a flow becomes a topic by .to(name, { version })'
  return item?.['~declaration'] ?? { code: 'not_a_topic', topic, message }
}
