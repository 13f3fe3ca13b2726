/** Maximum number of concurrent runs. */
export const SLOTS = 64
export const TOPIC_NAMES = ['a', 'b'] as const
export type TopicName = (typeof TOPIC_NAMES)[number]

/** One of the two topics of a slot: `fuzz.s7.a`. */
export const topicOf = (slot: number, name: TopicName): string => `fuzz.s${slot}.${name}`

/** The topics of a run: topic `a` of its slot, or both. */
export const selectorOf = (slot: number, both: boolean): string => (both ? `fuzz.s${slot}.*` : topicOf(slot, 'a'))
