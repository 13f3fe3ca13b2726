import { COMMANDS_TOPIC, foldedName } from '../bus/index.ts'
import type { Contract } from '../config/contract/model.ts'

/** Whose code may fail on an event: of topics, of entities that fold one, and of commands. */
export function deadLetterNames({ topics, entities }: Contract): string[] {
  const folded = [...entities.values()].flatMap(({ name, on }) =>
    [...on.keys()].map((topic) => foldedName(name, topic)),
  )
  const failing = [...topics.values()].filter(({ kind }) => kind !== 'late').map(({ name }) => name)
  return [...failing, ...folded, ...(entities.size > 0 ? [COMMANDS_TOPIC] : [])]
}
