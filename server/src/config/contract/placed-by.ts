import type { WindowSpec } from './model.ts'

/** Key of the panes of a window over all keys. */
export const ALL_KEYS = '*'

/** What a topic is computed from: as a contract, or its record, says. */
export interface TopicOrigin {
  readonly kind: string
  readonly from?: string | readonly string[]
  /** Of late events. */
  readonly window?: unknown
  readonly spec?: unknown
}

type Origins = Pick<ReadonlyMap<string, TopicOrigin>, 'get'>

/**
 * The text whose hash says in which partition the events and results of a key are: the key, but for panes over all keys, which lie
 * where their window is merged.
 */
export function placedBy(topics: Origins, topic: string, key: string): string {
  return key === ALL_KEYS ? (mergedWindow(topics, topic) ?? key) : key
}

/** The window over all keys whose panes a topic holds, as they are or computed from them. */
export function mergedWindow(topics: Origins, name: string): string | undefined {
  const topic = topics.get(name)
  if (topic?.kind === 'window' && (topic.spec as WindowSpec).groupBy === 'all') return name
  // Late events are those that its window was given.
  return mergedInput(topics, topic?.kind === 'late' ? String(topic.window) : name)
}

/** The same of what a topic is computed from. */
export function mergedInput(topics: Origins, name: string): string | undefined {
  const from = topics.get(name)?.from ?? []
  const inputs = typeof from === 'string' ? [from] : from
  return inputs.map((input) => mergedWindow(topics, input)).find((merged) => merged !== undefined)
}
