/** Hashes of a partition, as ledgers name them. */

/** Open accumulators of one window: field `<start>:<group>` -> encoded state. */
export const windowHash = (window: string): string => `win:${window}`

/** Latest result per key of a result topic: field key -> `<streamId>.<index> <event JSON>`. */
export const currentHash = (topic: string): string => `cur:${topic}`
