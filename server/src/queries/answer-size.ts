/** Most events or results of one answer: a page full, not a table. */
export const MAX_ANSWER_EVENTS = 1_000
/**
 * Stored bytes after which an answer ends: it is one frame of a socket, which a slow client has to take whole, and
 * concurrent answers wait in this process.
 */
export const MAX_ANSWER_BYTES = 262_144
