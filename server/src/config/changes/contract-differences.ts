import { type Change, changeOf, type Rollout, widestRollout } from './contract-changes.ts'
import type { DescribedContract, DescribedEntity, DescribedTopic } from './describe.ts'
import { canonicalJson } from './hash.ts'
import { isGrowth } from './schema-growth.ts'

/** Something that two contracts do not have in common. */
export interface Difference {
  readonly of: 'topic' | 'entity'
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
  /** What is different in one that was changed. */
  readonly fields: readonly string[]
  readonly rollout: Rollout
  /** The fate of stored data, in sentences. */
  readonly effect: string
}

/**
 * How a contract stands to another one. `newer`: it has more, and nothing else is different. `older`: the other one has. `apart`:
 * neither can run beside the other.
 */
export type Relation = 'same' | 'newer' | 'older' | 'apart'

export function relationOf(here: DescribedContract, running: DescribedContract): Relation {
  if (here.hash === running.hash) return 'same'
  if (isRolling(contractDifferences(running, here))) return 'newer'
  return isRolling(contractDifferences(here, running)) ? 'older' : 'apart'
}

/** Where the hash differs and nothing that is described does, what differs is not known. */
function isRolling(differences: readonly Difference[]): boolean {
  return widestRollout(differences.map(({ rollout }) => rollout)) === 'rolling'
}

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
    (change: 'added' | 'removed') =>
    ({ name }: Described): Difference => ({ of, name, change, fields: [], ...changeOf(of, change) })
  return [
    ...added.map(differ('added')),
    ...removed.map(differ('removed')),
    ...after.flatMap((one) => changed(of, known.get(one.name), one)),
  ]
}

function changed(of: Difference['of'], before: Described | undefined, after: Described): Difference[] {
  if (before === undefined) return []
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (field) => ordered(before[field]) !== ordered(after[field]),
  )
  if (fields.length === 0) return []
  const changes = fields.map((field) => changeOf(kindOf(after), field, isGrowth(before[field], after[field])))
  const effects = changes.map(({ effect }) => effect).filter((effect) => effect !== '')
  return [
    {
      of,
      name: after.name,
      change: 'changed',
      fields,
      rollout: widestRollout(changes.map(({ rollout }) => rollout)),
      effect: [...new Set(effects)].join(' '),
    },
  ]
}

function kindOf(described: Described): Change['of'] {
  return 'kind' in described ? (described as DescribedTopic).kind : 'entity'
}

/** The order of aggregates counts, since stored accumulators follow it; that of other keys does not. */
function ordered(value: unknown): string {
  const aggregates = (value as { readonly aggregate?: object } | undefined)?.aggregate
  return `${canonicalJson(value ?? null)} ${aggregates === undefined ? '' : Object.keys(aggregates).join()}`
}
