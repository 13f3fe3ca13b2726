/**
 * Names of what a partition keeps of its entities, as ledgers name them. Names of entities and indexes have no colon.
 */

/** Hash: field name of an entity -> by what its index entries and latest published states are built, as JSON. */
export const BUILT_HASH = 'built'

/** Hash: field key -> record of the entity. */
export const entityHash = (name: string): string => `entity:${name}`

/** List: the events of one entity, oldest first. */
export const trailList = (name: string, key: string): string => `trail:${name}:${key}`

/** Whose trail it is, by name; `undefined` for the name of something else. Keys may have colons. */
export const keyOfTrail = (name: string): string | undefined => /^trail:[^:]*:(.*)$/s.exec(name)?.[1]

/** Sorted set of `indexMember`s, all of score 0: in the order of their bytes. */
export const indexSet = (name: string, index: string): string => `index:${name}:${index}`

/** One entity in an index. The value MUST NOT contain `\0`; the key may. */
export const indexMember = (value: string, key: string): string => `${value}\0${key}`

/** The key of such a member. */
export const keyOfMember = (member: string): string => member.slice(member.indexOf('\0') + 1)

/** Hash: field number -> command that followed from an event and is not known to have arrived, as JSON. */
export const OUTBOX_HASH = 'outbox'

/** Hash: field command id -> `<tag> <streamId>.<index>` of its answer, this generation. */
export const ANSWERS_HASH = 'answers'

/** The same of the generation before. */
export const ANSWERS_PREVIOUS_HASH = 'answers:previous'
