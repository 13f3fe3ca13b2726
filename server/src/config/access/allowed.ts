import type { Allowed } from './access-model.ts'
import { type Grant, OPERATIONS, type Operation, parseGrant } from './grant.ts'
import { readHides } from './hides.ts'

/**
 * Reads `{ publish: ['sensor.*'], ... }`, of a rule or of a token.
 *
 * @param wrong is called for everything that is not one; what is returned then is of no use
 * @param isOfUse false for a selector that covers nothing
 */
export function readAllowed(
  { hide, ...allow }: Readonly<Record<string, unknown>>,
  wrong: (message: string) => void,
  isOfUse: (grant: Grant) => boolean = () => true,
): Allowed {
  const grants = grantsOf(allow, wrong, isOfUse)
  const hides = hide === undefined ? {} : readHides(hide, wrong)
  return Object.keys(hides).length > 0 ? { grants, hides } : { grants }
}

function grantsOf(
  allow: Readonly<Record<string, unknown>>,
  wrong: (message: string) => void,
  isOfUse: (grant: Grant) => boolean,
): Grant[] {
  return Object.entries(allow).flatMap(([name, value]): Grant[] => {
    if (!isOperation(name)) {
      wrong(`unknown operation ${name.slice(0, 64)}; there are ${OPERATIONS.join(', ')} and hide`)
      return []
    }
    if (name === 'admin') {
      if (typeof value !== 'boolean') wrong('admin must be true or false')
      return value === true ? [{ operation: 'admin', selector: '>', key: { kind: 'all' } }] : []
    }
    if (!Array.isArray(value)) {
      wrong(`${name} must be a list such as ['sensor.*']`)
      return []
    }
    return value.flatMap((text: unknown): Grant[] => {
      const grant = typeof text === 'string' ? parseGrant(name, text) : undefined
      if (grant === undefined)
        wrong(`${name}: ${JSON.stringify(text)?.slice(0, 200)} is no topic selector, or selector:key`)
      else if (!isOfUse(grant)) wrong(`${name}: ${text} covers nothing that is declared`)
      return grant === undefined ? [] : [grant]
    })
  })
}

function isOperation(name: string): name is Operation {
  return OPERATIONS.some((operation) => operation === name)
}
