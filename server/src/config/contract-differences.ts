import type { DescribedContract, DescribedEntity, DescribedTopic } from './describe.ts'
import { canonicalJson } from './hash.ts'

/** Something that two contracts do not have in common. */
export interface Difference {
  readonly of: 'topic' | 'entity'
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
  /** What is different in one that was changed. */
  readonly fields: readonly string[]
  /** Gateways and workers must agree on it: processes with the one do not run beside processes with the other. */
  readonly isAgreed: boolean
  /** What becomes of what is stored. Sentences. */
  readonly effect: string
}

/** What gateways and workers must agree on, by kind; `hash.ts` says the same of a contract. */
const AGREED: Readonly<Record<DescribedTopic['kind'] | 'entity', readonly string[]>> = {
  source: ['kind', 'key', 'schema'],
  flow: ['kind', 'from', 'version', 'steps'],
  window: ['kind', 'from', 'spec', 'where'],
  late: ['kind', 'from', 'window'],
  state: ['kind', 'entity'],
  events: ['kind', 'entity'],
  presence: ['kind', 'of'],
  entity: ['version', 'events', 'commands', 'rejections', 'indexes', 'on', 'reactions'],
}

/** What becomes of what is stored when a field changes; other fields change nothing of it. */
const EFFECTS: Readonly<Record<string, string>> = {
  'source.key': 'Events go to other partitions from then on: there is no order between those before and those after.',
  'source.schema': 'Stored events stay as they are: whoever reads the past meets both shapes.',
  'flow.from': 'Stored results stay; new ones are of the new definition, and windows behind it start anew.',
  'flow.version': 'Stored results stay; new ones are of the new definition, and windows behind it start anew.',
  'flow.steps': 'Stored results stay; new ones are of the new definition, and windows behind it start anew.',
  'window.from': 'It starts anew, and its open windows are dropped: tidegate window backfill fills them.',
  'window.spec': 'It starts anew, and its open windows are dropped: tidegate window backfill fills them.',
  'window.where': 'It starts anew, and its open windows are dropped: tidegate window backfill fills them.',
  'entity.version': 'Stored states are brought to it; a process with an earlier version is refused from then on.',
  'entity.indexes': 'Run tidegate entity rebuild: entities are found by a new index once they change.',
}

const RETENTION = 'Workers trim by it from their next start on.'

/** Added and removed ones first as they are declared, then changed ones. Pure. */
export function contractDifferences(running: DescribedContract, here: DescribedContract): Difference[] {
  return [...compared('topic', running.topics, here.topics), ...compared('entity', running.entities, here.entities)]
}

type Described = DescribedTopic | DescribedEntity

function compared(of: Difference['of'], before: readonly Described[], after: readonly Described[]): Difference[] {
  const known = new Map(before.map((one) => [one.name, one]))
  const kept = new Set(after.map(({ name }) => name))
  const added = after.filter(({ name }) => !known.has(name))
  const removed = before.filter(({ name }) => !kept.has(name))
  const differ =
    (change: 'added' | 'removed', effect: string) =>
    ({ name }: Described) =>
      ({ of, name, change, fields: [], isAgreed: true, effect }) as const
  return [
    ...added.map(differ('added', 'It begins empty, with what comes from then on.')),
    ...removed.map(differ('removed', 'What is stored of it stays in Redis; nobody reads or trims it any more.')),
    ...after.flatMap((one) => changed(of, known.get(one.name), one)),
  ]
}

function changed(of: Difference['of'], before: Described | undefined, after: Described): Difference[] {
  if (before === undefined) return []
  const kind = kindOf(after)
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (field) => ordered(before[field]) !== ordered(after[field]),
  )
  if (fields.length === 0) return []
  const effects = fields.flatMap((field) => (field === 'retentionMs' ? RETENTION : (EFFECTS[`${kind}.${field}`] ?? [])))
  return [
    {
      of,
      name: after.name,
      change: 'changed',
      fields,
      isAgreed: fields.some((field) => AGREED[kind].includes(field)),
      effect: [...new Set(effects)].join(' '),
    },
  ]
}

function kindOf(described: Described): DescribedTopic['kind'] | 'entity' {
  return 'kind' in described ? (described as DescribedTopic).kind : 'entity'
}

/** The order of aggregates counts, since stored accumulators follow it; that of other keys does not. */
function ordered(value: unknown): string {
  const aggregates = (value as { readonly aggregate?: object } | undefined)?.aggregate
  return `${canonicalJson(value ?? null)} ${aggregates === undefined ? '' : Object.keys(aggregates).join()}`
}
