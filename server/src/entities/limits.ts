import { LIMITS } from '@tidegate/protocol'

/** Limits of what one command may produce. */
export const COMMAND_LIMITS = {
  /** UTF-8 bytes of the JSON of an input. */
  inputBytes: LIMITS.inputBytes,
  /** Events that one command may decide, and UTF-8 bytes of their JSON. */
  events: 64,
  eventBytes: 65_536,
  /** Commands that may follow from one command at once, and UTF-8 bytes of their JSON. */
  reactions: 64,
  reactionBytes: 65_536,
  /** Commands that may follow one from the other. */
  hops: 16,
  /** UTF-8 bytes of the JSON of a state, and of a view. */
  stateBytes: 65_536,
  /** UTF-8 bytes of the JSON of a reply: of a reaction, it becomes an input. */
  replyBytes: LIMITS.inputBytes,
  /** UTF-8 bytes of the text of a rejection: one for people, that is kept with the answer and travels as a reply does. */
  messageBytes: 1_024,
  /** UTF-8 bytes of a command id. */
  idBytes: LIMITS.idBytes,
} as const
