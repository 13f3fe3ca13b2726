import { isTopicName } from '@tidegate/protocol'
import type { ConfigProblem } from '../config-error.ts'
import { presenceTopicName } from '../contract/model.ts'
import { type Declaration, inputsOf, type SourceDeclaration } from '../declarations/declaration.ts'
import { isInheritedName } from '../inherited-name.ts'

/**
 * The declared topics with inputs before what reads them, otherwise as listed, and what is wrong with them as a
 * graph. Inputs are compared as objects: a second topic of the same name is not the input.
 */
export function topicOrder(declared: readonly Declaration[]): { ordered: Declaration[]; problems: ConfigProblem[] } {
  const problems = nameProblems(declared)
  const listed = new Set(declared)
  const ordered = new Set<Declaration>()

  function visit(declaration: Declaration, path: ReadonlySet<Declaration>): void {
    if (ordered.has(declaration)) return
    const { name: topic, place } = declaration
    for (const input of inputsOf(declaration)) {
      if (path.has(input)) {
        problems.push({ code: 'cycle', topic, place, message: `it reads ${input.name}, which reads it` })
      } else if (!listed.has(input)) {
        problems.push({ code: 'unlisted_input', topic, place, message: `its input ${input.name} is not in topics` })
      } else {
        visit(input, new Set([...path, input]))
      }
    }
    ordered.add(declaration)
  }

  for (const declaration of declared) visit(declaration, new Set([declaration]))
  return { ordered: [...ordered], problems }
}

export const lateTopicName = (window: string): string => `${window}.late`

function nameProblems(declared: readonly Declaration[]): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const taken = new Set<string>()
  for (const declaration of declared) {
    const { name: topic, place } = declaration
    for (const name of namesOf(declaration)) {
      if (typeof name !== 'string' || !isTopicName(name)) {
        const message = `${JSON.stringify(name)} is not a topic name: lower-case words joined by dots, at most 128 characters`
        problems.push({ code: 'bad_name', topic, place, message })
      } else if (isInheritedName(name)) {
        problems.push({ code: 'bad_name', topic, place, message: `${name} is a name that every object has` })
      } else if (taken.has(name)) {
        problems.push({
          code: 'duplicate_name',
          topic,
          place,
          message: `the name ${name} is taken; a window also takes <name>.late, a topic with presence <name>.presence`,
        })
      }
      taken.add(name)
    }
  }
  return problems
}

function namesOf(declaration: Declaration): string[] {
  const { name } = declaration
  switch (declaration.kind) {
    case 'source':
      return asksForPresence(declaration) ? [name, presenceTopicName(name)] : [name]
    case 'flow':
      return [name]
    case 'window':
      return [name, lateTopicName(name)]
  }
}

export function asksForPresence({ presence }: SourceDeclaration): boolean {
  return presence !== undefined && presence !== false
}
