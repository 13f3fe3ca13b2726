// Codes that arise in the client itself, in addition to the server's, by what loads them: a page has the texts of what it uses.
// docs/errors.md says what to do about each.

/** Of every client. */
export const CLIENT_ERRORS = {
  disconnected: 'There is no connection.',
  closed: 'The client or the subscription is closed.',
  invalid_token: 'A token is 1 to 8,192 visible ASCII characters, without spaces.',
  no_token: 'The token function gave no token.',
  invalid_url: 'Not an http(s):// or ws(s):// address.',
  no_websocket: 'There is no WebSocket. Install "ws", or pass a class as `WebSocket`.',
} as const

/** The message is that of what was thrown; this text is for the docs. */
export const CALLBACK_ERRORS = {
  callback_failed: 'The promise of a callback was rejected.',
} as const

/** Of clients that ask. */
export const QUERY_ERRORS = {
  incomplete: 'Part of the range is no longer in the log.',
  no_answer: 'The query was not answered in time.',
} as const

/** Of clients that publish and command. */
export const OUTBOX_ERRORS = {
  outbox_full: 'The outbox is full.',
  outbox_expired: 'It waited too long and was never sent.',
} as const

export const ENTITY_ERRORS = {
  not_live: "No such entity has publish: ['state']. Read it with get().",
} as const

/** Of outbox stores. */
export const STORE_ERRORS = {
  store_failed: 'The outbox store could not be read or written.',
  store_in_use: 'The outbox store is in use.',
  store_damaged: 'A part of the outbox store cannot be read: the events in it are lost.',
} as const

export type ClientErrorCode =
  | keyof typeof CLIENT_ERRORS
  | keyof typeof CALLBACK_ERRORS
  | keyof typeof QUERY_ERRORS
  | keyof typeof OUTBOX_ERRORS
  | keyof typeof ENTITY_ERRORS

export type StoreErrorCode = keyof typeof STORE_ERRORS
