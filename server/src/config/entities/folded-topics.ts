import { isCount, positiveMs } from '../checked-option.ts'
import { TopicProblem } from '../config-error.ts'
import type { EntityDefinition, EntityHistory } from '../contract/entity-model.ts'
import type { Declaration } from '../declarations/declaration.ts'
import type { UncheckedEntityOptions } from '../declarations/entity-declaration.ts'
import { bad, record, requiredFunction } from './checked-member.ts'

/** The topics that an entity folds, and by what. */
export function foldedTopics(
  { key, from = [], on = {} }: UncheckedEntityOptions,
  listed: ReadonlySet<Declaration>,
): EntityDefinition['on'] {
  if (!Array.isArray(from)) throw bad('from must be a list of topics')
  const handlers = record('on', on)
  const folded = new Map<string, ReturnType<typeof requiredFunction>>()
  for (const [i, topic] of from.entries()) {
    const declaration = (topic as Partial<(typeof from)[number]> | undefined)?.['~declaration']
    if (declaration === undefined) throw bad(`from[${i}] was not made by topic() or .to()`)
    const { name } = declaration
    if (!listed.has(declaration)) throw new TopicProblem('unlisted_input', `its input ${name} is not in topics`)
    const keyField = keyFieldOf(declaration)
    if (keyField === undefined) throw bad(`from names ${name}, a window; an entity folds topics and flows over them`)
    if (keyField !== key) {
      throw bad(`from names ${name}, whose key is ${keyField}; an entity folds topics that have its own key, ${key}`)
    }
    folded.set(name, requiredFunction(`on[${JSON.stringify(name)}]`, handlers[name]))
  }
  const stray = Object.keys(handlers).find((name) => !folded.has(name))
  if (stray !== undefined) throw bad(`on[${JSON.stringify(stray)}] is for no topic of from; add the topic there`)
  return folded
}

/** The field that holds the keys of a topic's events; `undefined` for panes. */
function keyFieldOf(declaration: Declaration): string | undefined {
  switch (declaration.kind) {
    case 'source':
      return declaration.key
    case 'flow':
      return keyFieldOf(declaration.from)
    case 'window':
      return undefined
  }
}

/** How much of its past an entity keeps. */
export function historyOf({ from = [], history }: UncheckedEntityOptions): EntityHistory | undefined {
  // A device sends for ever: of an entity that folds topics nobody keeps everything.
  if (history === undefined && from.length === 0) return undefined
  if (isCount(history)) return { kind: 'count', count: history }
  if (typeof history === 'string') return { kind: 'age', ms: positiveMs('history', history) }
  throw bad("history must say how much of its past it keeps: a number of events, or a time such as '7d'")
}
