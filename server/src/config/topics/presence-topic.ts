import { isRecord } from '../../json-fields.ts'
import { isCount, positiveMs } from '../checked-option.ts'
import { TopicProblem } from '../config-error.ts'
import { type PresenceTopic, presenceTopicName } from '../contract/model.ts'
import type { SourceDeclaration } from '../declarations/declaration.ts'
import { DEFAULT_PRESENCE_ENTRIES, DEFAULT_RETENTION, MAX_PRESENCE_ENTRIES } from '../defaults.ts'
import { asksForPresence } from './topic-order.ts'

/** The topic of who is subscribed to a declared one, where that asks for it. @throws {TopicProblem} `bad_presence` */
export function presenceTopic(declaration: SourceDeclaration): PresenceTopic[] {
  if (!asksForPresence(declaration)) return []
  const { name, presence } = declaration
  const retentionMs = positiveMs('retention', DEFAULT_RETENTION.presence)
  const maxEntries = maxEntriesOf(presence)
  return [{ kind: 'presence', name: presenceTopicName(name), of: name, maxEntries, retentionMs, lane: 'normal' }]
}

function maxEntriesOf(presence: unknown): number {
  if (presence === true) return DEFAULT_PRESENCE_ENTRIES
  const { maxEntries = DEFAULT_PRESENCE_ENTRIES, ...unknown } = isRecord(presence) ? presence : { presence }
  const isBound = isCount(maxEntries) && maxEntries <= MAX_PRESENCE_ENTRIES
  if (isBound && Object.keys(unknown).length === 0) return maxEntries
  throw new TopicProblem('bad_presence', `presence must be true or { maxEntries: 1 to ${MAX_PRESENCE_ENTRIES} }`)
}
