import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwksCache } from 'jose'

/** Below the time after which a client that was not greeted is turned away. */
const FETCH_MS = 4_000
/** After a fetch a key that is not there does not make it fetched again. */
const COOLDOWN_MS = 30_000
/** Keys that are older are fetched again. */
const FRESH_MS = 600_000
/** How often that is tried while it fails. */
const RENEW_EVERY_MS = 30_000
/** Callers with a known key wait no longer for newer keys: their issuer may hang. */
const PATIENCE_MS = 1_000
/** After a fetch that failed nobody is asked for so long: every stranger with a token would make one. */
const PAUSE_MS = 2_000
/** Hundreds of keys with their certificates. */
const MAX_BYTES = 1_048_576

/** The keys that tokens are checked with cannot be had now. */
export class KeysUnreachable extends Error {}

/**
 * Keys that an issuer publishes (RFC 7517), fetched when needed and kept. Those known still count while it is away, hangs or sends
 * what is none.
 *
 * @returns a function that rejects with `KeysUnreachable` where it cannot be said whether there is such a key
 */
export function remoteKeySet(url: URL): JWTVerifyGetKey {
  const cache: { uat?: number } = {}
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: FETCH_MS,
    cooldownDuration: COOLDOWN_MS,
    // They are fetched again below, and kept if that fails.
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [jwksCache]: cache as Record<string, never>,
    [customFetch]: pausing(boundedFetch),
  })
  let renewedAt = Number.NEGATIVE_INFINITY
  const renewed = async () => {
    if (cache.uat === undefined || Date.now() - cache.uat < FRESH_MS) return
    const isDue = performance.now() - renewedAt >= RENEW_EVERY_MS
    if (!isDue && !keys.reloading) return
    if (isDue) renewedAt = performance.now()
    await Promise.race([keys.reload().catch(() => {}), patience()])
  }
  return async (header, token) => {
    await renewed()
    try {
      return await keys(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new KeysUnreachable('the key set cannot be fetched', { cause: error })
    }
  }
}

type Fetch = NonNullable<NonNullable<Parameters<typeof createRemoteJWKSet>[1]>[typeof customFetch]>

/** Rejects for a while after a rejection. */
function pausing(fetchKeys: Fetch): Fetch {
  let failedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  return async (url, options) => {
    if (performance.now() - failedAt < PAUSE_MS) throw failure
    try {
      return await fetchKeys(url, options)
    } catch (error) {
      failedAt = performance.now()
      failure = error
      throw error
    }
  }
}

const boundedFetch: Fetch = async (url, options) => {
  const response = await fetch(url, options)
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new Error(`the key set was answered with ${response.status}`)
  }
  const parts: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop ends the request.
  for await (const part of response.body) {
    bytes += part.length
    if (bytes > MAX_BYTES) throw new Error(`the key set is larger than ${MAX_BYTES} bytes`)
    parts.push(part)
  }
  return new Response(Buffer.concat(parts))
}

function patience(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, PATIENCE_MS).unref())
}
