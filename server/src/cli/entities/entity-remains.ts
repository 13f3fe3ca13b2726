import type { Contract } from '../../config/contract/model.ts'
import { ANSWERS_RETENTION_MS } from '../../entities/index.ts'
import { COMMANDS_RETENTION_MS, DEAD_LETTER_RETENTION_MS } from '../../own/index.ts'

const MINUTE_MS = 60_000

/** What is left of an entity that was erased, a line each: logs are trimmed by age and not searched. */
export function remainsOf({ topics }: Contract, entity: string): string[] {
  const published = [...topics.values()].filter(
    (topic) => (topic.kind === 'state' || topic.kind === 'events') && topic.entity === entity,
  )
  return [
    'Until retention removes them, these logs still have what they had:',
    `  commands with their inputs, for ${duration(COMMANDS_RETENTION_MS)}`,
    `  answers, for ${duration(ANSWERS_RETENTION_MS)}`,
    `  dead letters of its commands, without inputs, and of events that it folds, for ${duration(DEAD_LETTER_RETENTION_MS)}`,
    ...published.map(({ name, retentionMs }) => `  ${name}, for ${duration(retentionMs)}`),
    "Redis' append-only file has it all until it is rewritten: BGREWRITEAOF. Backups and exports are yours to look after.",
  ]
}

function duration(ms: number): string {
  return ms < 60 * MINUTE_MS ? `${ms / MINUTE_MS} min` : `${ms / (60 * MINUTE_MS)} h`
}
