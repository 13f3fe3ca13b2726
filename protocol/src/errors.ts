/** Every code a caller can see in `reject`, `rejected`, `error`, `unsubscribed` or an HTTP error body. */
export const ERROR_CODES = {
  // one event
  invalid_event: 'The event is not an object with a `data` object.',
  invalid_data: 'The data does not fit the topic schema; `path` names the field.',
  invalid_time:
    'The event time is not an integer of milliseconds since 1970, or lies beyond what a Date holds (8.64e15 in either direction).',
  time_in_future:
    'The event time lies further ahead of the server clock than the server accepts. Check the device clock.',
  key_too_long: 'The key is empty or longer than the limit.',
  event_too_large: 'One event is larger than a record batch. Send a reference instead of the content.',
  duplicate_id: 'One request has two events with this `id` and `source`; the first one counts.',
  // one frame
  invalid_frame: 'A field of the frame is missing or of the wrong type.',
  empty_frame: 'The frame holds no events.',
  too_many_events: 'More events than one frame may hold. Split it.',
  unsupported_content:
    'The media type, charset or compression of the content is not supported. Send uncompressed JSON in UTF-8.',
  unknown_topic: 'No such topic. GET /v1/topics lists them.',
  not_publishable: 'Results of flows and windows cannot be published by clients.',
  out_of_order: 'An earlier frame of this producer is missing. Send again from the lowest unacknowledged seq.',
  epoch_changed:
    'The log of a partition has a new epoch: frames acknowledged under another one may be lost. Send those again, then this frame.',
  fenced:
    'A newer client of this producer publishes, and only one may: give each a `producer` of its own. In a client by hand: stop, or start anew with `sequence: "new"` in `hello`.',
  conflict:
    'This seq, or this Idempotency-Key, was already used with other content; nothing was stored now. A producer that counts from 1 again says `sequence: "new"` in `hello`.',
  outcome_unknown:
    'The frame is too old to know whether it was stored; it was not stored now. A producer that counts from 1 again says `sequence: "new"` in `hello`.',
  publish_window: 'More unacknowledged frames or bytes than `welcome` granted.',
  unavailable: 'Redis does not answer in time. Nothing is known to be stored; send the same frame again.',
  rate_limited: 'This address or caller sends or holds more than it may. Try again after `retryAfterMs`.',
  overloaded: 'This gateway is overloaded. Try again after `retryAfterMs`, or use another gateway.',
  storage_full:
    'Redis, the partition, or its memory for producers has reached its limit. Try again after retention has trimmed it.',
  // sessions, subscriptions, queries
  unknown_type: 'The server does not know this frame type.',
  unknown_subscription: 'No subscription with this number.',
  invalid_selector: 'Not a topic name or a selector ending in `.*` or `.>`.',
  invalid_filter: 'Not a valid filter; the message names the column and what was expected there. See docs/filters.md.',
  invalid_position: 'Not a position of this log.',
  stream_too_wide:
    'The resume vector of these topics, lanes and partitions does not fit into an event id. Name fewer, or use WebSocket.',
  too_many_subscriptions:
    'More subscriptions, or more bytes of keys and filters in them, than one session may hold. Close some.',
  unsupported: 'This option is part of the protocol, but this version does not support it.',
  unknown_query: 'No such query.',
  unauthorized: 'The token is missing, expired, revoked or not valid here. Come back with another one.',
  forbidden: 'The caller, or the page or name by which it asks, may not do this; the message may name a setting.',
  rights_changed: 'The caller may now see more or less of these topics. Subscribe again.',
  topic_removed: 'The topic is no longer in the config.',
  not_found: 'Nothing exists under this name or path.',
  erased: 'The entity was erased; of what it was before nothing is left.',
  trimmed: 'This version or time lies before the history that the entity keeps; the message says where that begins.',
  rebuilding: 'The index is being rebuilt after a change of the config and is not complete. Ask again in a moment.',
  protocol_error: 'The frame is not valid JSON text, or breaks the protocol. The connection closes.',
  hello_expected: 'The first frame must be `hello`. The connection closes.',
  version_unsupported: 'This server speaks another protocol version. The connection closes.',
  frame_too_large: 'The frame is larger than the limit. The connection closes.',
  internal: 'A defect of the server. Its log has the cause under the id that the message names.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** Codes after which sending the same frame again may succeed. */
export const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unavailable',
  'out_of_order',
  'epoch_changed',
  'overloaded',
  'rate_limited',
  'storage_full',
  'publish_window',
  'rebuilding',
  // The config may have the topic again.
  'topic_removed',
  'rights_changed',
])

/**
 * Codes of commands that were not done, beside the codes that the entity itself declares and `ANSWER_ERROR_CODES`. An entity
 * declares none of either. A client that tells them apart needs no texts.
 */
export const COMMAND_CODE_NAMES = [
  'invalid_input',
  'version_conflict',
  'unknown_entity',
  'unknown_command',
  'handler_failed',
  'state_too_large',
  'conflict',
  'outcome_unknown',
  'too_deep',
  'erased',
  'expired',
  'deadline_exceeded',
  'command_window',
  'forbidden',
] as const

export type CommandCode = (typeof COMMAND_CODE_NAMES)[number]

export const COMMAND_CODES: Readonly<Record<CommandCode, string>> = {
  invalid_input: 'The input does not fit the schema of the command; `path` names the field.',
  version_conflict: 'The entity has another version than expected. Read it again.',
  unknown_entity: 'No such entity. GET /v1/entities lists them.',
  unknown_command: 'The entity has no such command. GET /v1/entities lists them.',
  handler_failed:
    'The handler of the command failed. The log of the workers has the cause under the id that the message names.',
  state_too_large: 'The entity would outgrow its limits; nothing was changed.',
  conflict: 'This id was already used for another command; nothing was done now.',
  outcome_unknown: 'The command is too old to know whether it was run; it was not run now.',
  too_deep: 'A chain of reactions has come to its limit of 16; this one was not sent.',
  erased: 'The entity was erased after this command was sent first; it was not run.',
  expired: 'The command waited longer than its sender did; it was not run.',
  deadline_exceeded:
    'The command is stored and has no outcome yet. Send it again with the same id: it is run once, and answered with its outcome.',
  command_window: 'More unanswered commands than one connection may have. Wait for answers.',
  forbidden: 'The caller may not send this command to this key.',
}

/** Codes of `ERROR_CODES` that an answer to a command may have too. */
export const ANSWER_ERROR_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_frame',
  'key_too_long',
  'unavailable',
  'overloaded',
  'rate_limited',
  'storage_full',
  'epoch_changed',
  'out_of_order',
  'internal',
])
