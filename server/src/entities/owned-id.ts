import { createHash } from 'node:crypto'

/** Who sends commands. */
export interface Owner {
  /** Different for each; empty where nobody is asked who it is. */
  readonly namespace: string
}

/** Of callers that are about: to work one out costs as much as to check a command. */
const marks = new WeakMap<Owner, string>()

/**
 * The id under which a command is stored: the same id of two callers names two commands. No client can choose one that looks like
 * it, where callers have to say who they are.
 */
export function ownedId(id: string, owner: Owner): string {
  if (owner.namespace === '') return id
  let mark = marks.get(owner)
  if (mark === undefined) {
    mark = createHash('sha256').update(owner.namespace).digest('base64url').slice(0, 22)
    marks.set(owner, mark)
  }
  return `by:${mark}:${id}`
}

/** The id as its sender chose it: whose it is, is no matter of others. */
export function chosenId(stored: string): string {
  return stored.startsWith('by:') ? stored.replace(OWNED, '') : stored
}

const OWNED = /^by:[\w-]{22}:/
