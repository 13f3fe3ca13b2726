/** The one that a client tells apart. */
export const UNAUTHORIZED = 4401

/**
 * WebSocket close codes. 4000-4499 ask the client to come back (the reason text may be JSON with `retryAfterMs`),
 * 4401 to come back with a new token, 4500-4999 to stop.
 */
export const CLOSE = {
  drain: 4001,
  idle: 4002,
  tooSlow: 4008,
  overload: 4029,
  unauthorized: UNAUTHORIZED,
  protocol: 4500,
  helloExpected: 4501,
  version: 4502,
  frameTooLarge: 4503,
} as const

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

export type CloseAdvice = 'retry' | 'new_token' | 'stop'

/** What a client should do after a close: everything outside Tidegate's own codes (1006, 1011 ...) is a broken link. */
export function closeAdvice(code: number): CloseAdvice {
  if (code === UNAUTHORIZED) return 'new_token'
  return code >= 4500 && code <= 4999 ? 'stop' : 'retry'
}
