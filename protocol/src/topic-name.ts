import { LIMITS } from './limits.ts'

const NAME = /^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*$/

/** Topic grammar: lower-case dotted words, at most `LIMITS.topicChars` characters, for example `sensor.reading`. */
export function isTopicName(text: string): boolean {
  return text.length <= LIMITS.topicChars && NAME.test(text)
}

/** A selector names one topic, or ends in `*` (exactly one more word) or `>` (one or more), or is `>` alone. */
export function isTopicSelector(text: string): boolean {
  if (text === '>' || text === '*') return true
  if (text.endsWith('.*') || text.endsWith('.>')) return isTopicName(text.slice(0, -2))
  return isTopicName(text)
}

/** Tells whether a selector covers a topic. Both must be valid. */
export function matchesTopic(selector: string, topic: string): boolean {
  if (selector === topic || selector === '>') return true
  if (selector === '*') return !topic.includes('.')
  if (!topic.startsWith(selector.slice(0, -1))) return false
  if (selector.endsWith('.>')) return topic.length > selector.length - 1
  return selector.endsWith('.*') && !topic.slice(selector.length - 1).includes('.')
}
