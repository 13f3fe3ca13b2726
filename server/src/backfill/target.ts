import { deadLetterTopic } from '../bus/index.ts'
import { NO_ACCESS } from '../config/access/access-model.ts'
import type { Contract, TopicDefinition, WindowTopic } from '../config/contract/model.ts'
import { Pipeline } from '../fold/index.ts'
import { BackfillRefused } from './refused.ts'

/** A window whose past is filled, with everything it is computed from and nothing else. */
export interface BackfillTarget {
  readonly window: WindowTopic
  /** Version of the live window's definition that is filled. */
  readonly version: string
  readonly pipeline: Pipeline
  /** Topics it appends to. */
  readonly outputs: ReadonlySet<string>
}

/** @throws BackfillRefused when the contract has no such window, or one that cannot be filled. */
export function backfillTarget(contract: Contract, name: string): BackfillTarget {
  const window = contract.topics.get(name)
  const windows = [...contract.topics.values()].filter((topic) => topic.kind === 'window')
  if (window?.kind !== 'window') {
    const what =
      window === undefined ? 'there is no window' : `${name} is a ${window.kind}, not a window; there is no window`
    const names = windows.map((topic) => topic.name).join(', ')
    throw new BackfillRefused(`${what} ${name}. The windows of this config: ${names || 'none'}.`)
  }
  const topics = [...contract.topics.values()].filter(({ name }) => isBehind(contract, window, name))
  for (const topic of topics) if (topic.kind === 'window') refuseUnfit(window, topic)
  const version = new Pipeline(contract).versions[name]!
  const adapted = topics.map((topic): [string, TopicDefinition] => [topic.name, adapt(topic)])
  const pipeline = new Pipeline({
    topics: new Map(adapted),
    entities: new Map(),
    access: NO_ACCESS,
    hash: contract.hash,
  })
  return { window, version, pipeline, outputs: new Set([name, window.lateTopic, deadLetterTopic(name)]) }
}

function refuseUnfit(target: WindowTopic, { name, spec }: WindowTopic): void {
  const reads = name === target.name ? name : `${target.name} reads ${name}, which`
  if (spec.groupBy !== 'key') {
    throw new BackfillRefused(
      `${reads} is merged over all partitions (groupBy): only windows by key can be filled. A new window over the same ` +
        'topics that has never been read starts at the beginning of their logs by itself.',
    )
  }
  if (spec.type === 'session' && name !== target.name) {
    throw new BackfillRefused(
      `${reads} has session windows: one of them may reach from before the hand-over to any time after it, so that ` +
        `no window of ${target.name} would be known to be whole.`,
    )
  }
}

/** Past events need no early panes, and live ones may overtake them. */
function adapt(topic: TopicDefinition): TopicDefinition {
  if (topic.kind !== 'window') return topic
  const { emitEveryMs: _, ...spec } = topic.spec
  return { ...topic, spec, lane: 'low' }
}

/** Whether a topic is the window, or one of its direct or indirect inputs. */
function isBehind({ topics }: Contract, window: WindowTopic, name: string): boolean {
  const reaches = (from: string): boolean => {
    const topic = topics.get(from)!
    if (from === name) return true
    if (topic.kind === 'flow') return reaches(topic.from)
    return topic.kind === 'window' && topic.from.some(reaches)
  }
  return reaches(window.name)
}
