import type { EntityDefinition } from '../contract/entity-model.ts'
import type { EntityDeclaration } from '../declarations/entity-declaration.ts'
import { bad, optionalFunction, record, requiredFunction } from './checked-member.ts'

/** What follows from the events of an entity, and what it decides on the outcomes. */
export function reactionHandlers({ name, options }: EntityDeclaration): Pick<EntityDefinition, 'then' | 'outcome'> {
  const handlers = record('then', options.then ?? {})
  const types = new Map(Object.keys(options.events).map((type) => [`${name}.${type}`, type]))
  const stray = Object.keys(handlers).find((event) => !types.has(event))
  if (stray !== undefined) throw bad(`then[${JSON.stringify(stray)}] is for no event of ${name}; write ${name}.<event>`)
  const then = new Map(
    Object.entries(handlers).map(([event, handler]) => [
      types.get(event)!,
      requiredFunction(`then[${JSON.stringify(event)}]`, handler),
    ]),
  )
  const outcome = optionalFunction('outcome', options.outcome) as EntityDefinition['outcome']
  if (then.size > 0 && outcome === undefined) {
    throw bad('outcome must be a function where there is then: each of its commands ends in an event here')
  }
  return { then, outcome }
}
