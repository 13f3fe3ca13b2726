import { ConfigError } from './config-error.ts'
import type { Declaration } from './declaration.ts'
import type { Contract } from './model.ts'
import { resolveContract } from './resolve.ts'
import type { AnyTopic, TopicEntry } from './topic.ts'

/** What `defineConfig` returns and `tidegate.config.ts` exports as its default. */
export interface Config<Topics> {
  readonly contract: Contract
  /** Exists for types only: `createClient<typeof config>()` learns from it which topics there are. */
  readonly '~topics': Topics
}

type TopicsOf<Entries extends TopicEntry> = {
  readonly [Topic in Entries as Topic['name']]: Pick<Topic, 'data' | 'publishable'>
}

/**
 * Checks the declared topics and builds the contract that gateways, workers and clients share.
 *
 * @throws {ConfigError} naming every problem at once.
 */
export function defineConfig<const Topics extends readonly AnyTopic[]>(config: {
  readonly topics: Topics
}): Config<TopicsOf<Topics[number]['~entries']>> {
  const contract = resolveContract(config.topics.map(declarationOf))
  return { contract, '~topics': undefined as never }
}

function declarationOf(listed: AnyTopic | undefined, index: number): Declaration {
  const declaration = listed?.['~declaration']
  if (declaration !== undefined) return declaration
  const message = 'it was not made by topic(), .window() or .to(); a flow becomes a topic by .to(name, { version })'
  throw new ConfigError([{ code: 'not_a_topic', topic: `topics[${index}]`, message }])
}
