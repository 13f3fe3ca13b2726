import type { DescribedTopic } from './describe.ts'

/**
 * How a change of the config gets into a deployment that runs. `free`: gateways and workers need not agree on it, so that each
 * has it from its next start on. `rolling`: newer workers take the partitions over from older ones, then gateways follow.
 * `stop`: processes with the one config refuse to run beside processes with the other.
 */
export type Rollout = 'free' | 'rolling' | 'stop'

/** One kind of change. */
export interface Change {
  /** Of what: a topic of some kind, any topic, or an entity. */
  readonly of: DescribedTopic['kind'] | 'topic' | 'entity'
  /** `added`, `removed`, or the field of the described contract that is different. */
  readonly what: string
  /** `schema` alone: whether there are only optional fields more. */
  readonly isGrowth?: boolean
  readonly rollout: Rollout
  /** The fate of stored data, in sentences. */
  readonly effect: string
}

const ANEW = 'It starts anew, and its open windows are dropped: tidegate window backfill fills them.'
const REDEFINED = 'Stored results stay; new ones are of the new definition, and windows behind it start anew.'
const ELSEWHERE = 'What is stored of the former one stays in Redis; nobody reads or trims it any more.'
const OTHER_CODE = 'Processes with the one cannot read, or answer, what processes with the other accept.'

/** Every kind of change that gateways and workers have to agree on, and those that they have not; docs/upgrading.md repeats it. */
export const CHANGES: readonly Change[] = [
  { of: 'topic', what: 'added', rollout: 'rolling', effect: 'It begins empty, with what comes from then on.' },
  {
    of: 'topic',
    what: 'removed',
    rollout: 'stop',
    effect: 'What is stored of it stays in Redis; nobody reads or trims it any more.',
  },
  { of: 'topic', what: 'kind', rollout: 'stop', effect: 'What is stored of it is of the former kind.' },
  { of: 'topic', what: 'retentionMs', rollout: 'free', effect: 'Workers trim by it from their next start on.' },
  {
    of: 'source',
    what: 'key',
    rollout: 'stop',
    effect: 'Events go to other partitions from then on: there is no order between those before and those after.',
  },
  {
    of: 'source',
    what: 'schema',
    isGrowth: true,
    rollout: 'rolling',
    effect: 'Events before have no such field. Older gateways drop it from events that they accept.',
  },
  {
    of: 'source',
    what: 'schema',
    rollout: 'stop',
    effect: 'Stored events stay as they are: whoever reads the past meets both shapes.',
  },
  { of: 'source', what: 'maxFutureMs', rollout: 'free', effect: 'Gateways accept by it from their next start on.' },
  { of: 'flow', what: 'from', rollout: 'stop', effect: REDEFINED },
  { of: 'flow', what: 'version', rollout: 'stop', effect: REDEFINED },
  { of: 'flow', what: 'steps', rollout: 'stop', effect: REDEFINED },
  { of: 'window', what: 'from', rollout: 'stop', effect: ANEW },
  { of: 'window', what: 'spec', rollout: 'stop', effect: ANEW },
  { of: 'window', what: 'where', rollout: 'stop', effect: ANEW },
  { of: 'window', what: 'lane', rollout: 'free', effect: 'Panes have the priority from the next start of workers on.' },
  { of: 'late', what: 'from', rollout: 'stop', effect: ELSEWHERE },
  { of: 'late', what: 'window', rollout: 'stop', effect: ELSEWHERE },
  { of: 'state', what: 'entity', rollout: 'stop', effect: ELSEWHERE },
  { of: 'events', what: 'entity', rollout: 'stop', effect: ELSEWHERE },
  { of: 'presence', what: 'of', rollout: 'stop', effect: ELSEWHERE },
  { of: 'presence', what: 'maxEntries', rollout: 'free', effect: 'Owners keep to it from their next start on.' },
  { of: 'entity', what: 'added', rollout: 'rolling', effect: 'It begins empty, with what comes from then on.' },
  {
    of: 'entity',
    what: 'removed',
    rollout: 'stop',
    effect: 'What is stored of it stays in Redis; commands to it are refused as unknown_entity.',
  },
  {
    of: 'entity',
    what: 'version',
    rollout: 'stop',
    effect: 'Stored states are brought to it; a process with an earlier version is refused from then on.',
  },
  { of: 'entity', what: 'events', rollout: 'stop', effect: OTHER_CODE },
  { of: 'entity', what: 'commands', rollout: 'stop', effect: OTHER_CODE },
  { of: 'entity', what: 'rejections', rollout: 'stop', effect: OTHER_CODE },
  { of: 'entity', what: 'on', rollout: 'stop', effect: 'What was folded before is not folded again.' },
  { of: 'entity', what: 'reactions', rollout: 'stop', effect: OTHER_CODE },
  {
    of: 'entity',
    what: 'indexes',
    rollout: 'stop',
    effect: 'Run tidegate entity rebuild: entities are found by a new index once they change.',
  },
]

/** Other differences follow from the listed ones, or concern the process alone. */
const UNLISTED = { rollout: 'free', effect: '' } as const

/** @param isGrowth of a schema: whether there are only optional fields more */
export function changeOf(of: Change['of'], what: string, isGrowth = false): Pick<Change, 'rollout' | 'effect'> {
  const ofTopic = of === 'entity' ? of : 'topic'
  const matching = CHANGES.filter((change) => change.what === what && (change.of === of || change.of === ofTopic))
  return matching.find((change) => (change.isGrowth ?? false) === isGrowth) ?? matching[0] ?? UNLISTED
}

const ORDER: readonly Rollout[] = ['free', 'rolling', 'stop']

/** What the most demanding of several changes needs; `free` for none. */
export function widestRollout(rollouts: readonly Rollout[]): Rollout {
  return ORDER[Math.max(0, ...rollouts.map((rollout) => ORDER.indexOf(rollout)))]!
}
