/** Codes of outbox stores, in addition to those of the client. docs/errors.md says what to do about each. */
export const STORE_ERROR_CODES = {
  store_failed: 'The outbox store could not be read or written.',
  store_in_use: 'The outbox store is in use.',
  store_damaged: 'A part of the outbox store cannot be read: the events in it are lost.',
} as const

export type StoreErrorCode = keyof typeof STORE_ERROR_CODES
