import type { TidegateError } from '../errors/errors.ts'
import type { Gap } from '../subscriptions/gap.ts'

/**
 * - `idle`: there is nothing to follow, because the selector or key is `undefined`
 * - `loading`: the server has not answered yet
 * - `live`: `data` is what the server has
 * - `stale`: the connection is lost; `data` stays, and is continued on the next one
 * - `failed`: the server refused or ended it, or the client is closed; `data` stays, and `error` says why
 */
export type LiveStatus = 'idle' | 'loading' | 'live' | 'stale' | 'failed'

/** How far a hook is with what it follows. */
export interface Following {
  readonly status: LiveStatus
  /** With `failed`. */
  readonly error: TidegateError | undefined
  /** The newest stretch of events that is missing: withheld, or no longer in the log. */
  readonly gap: Gap | undefined
}

/** What a hook follows. The same object until something changes. */
export interface Live<Data> extends Following {
  readonly data: Data
}

/** The value of a hook before anything has come. */
export interface Nothing<Data> {
  readonly idle: Live<Data>
  readonly loading: Live<Data>
}

export function nothing<Data>(data: Data): Nothing<Data> {
  const none = { data, error: undefined, gap: undefined }
  return { idle: { ...none, status: 'idle' }, loading: { ...none, status: 'loading' } }
}
